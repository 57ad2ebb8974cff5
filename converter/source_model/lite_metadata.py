"""Read from a ``.tflite`` how its pixels were scaled: from its TFLite Metadata, by numbers of fields."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_NAME, _IDENTIFIER = b"TFLITE_METADATA", b"M001"
_NORMALIZATION = 1


class Normalization(NamedTuple):
    """Mean and divisor of pixels, one number or one per channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def read_normalization(path: Path) -> Normalization | None:
    """Return the normalization that a file states for its first input; None if it states none."""
    try:
        content = path.read_bytes()
        start = _find_metadata(content)
        if start is None:
            return None
        metadata = content[start:]
        graph = _list(metadata, struct.unpack_from("<I", metadata)[0], 3)[0]
        tensor = _list(metadata, graph, 2)[0]
        for unit in _list(metadata, tensor, 4):
            kind, options = _field(metadata, unit, 0), _field(metadata, unit, 1)
            if kind and options and metadata[kind] == _NORMALIZATION:
                table = options + struct.unpack_from("<I", metadata, options)[0]
                mean, std = (_floats(metadata, table, number) for number in (0, 1))
                return Normalization(mean, std) if mean and std and all(std) else None
    except (struct.error, IndexError, OSError):
        return None
    return None


def _find_metadata(content: bytes) -> int | None:
    """Return where the metadata begin: the buffer that the model's own list calls by their name."""
    model = struct.unpack_from("<I", content)[0]
    buffers = _list(content, model, 4)
    for entry in _list(content, model, 6):
        name = _field(content, entry, 0)
        if name is None:
            continue
        text = name + struct.unpack_from("<I", content, name)[0]
        length = struct.unpack_from("<I", content, text)[0]
        if content[text + 4 : text + 4 + length] != _NAME:
            continue
        number = _field(content, entry, 1)
        buffer = buffers[struct.unpack_from("<I", content, number)[0] if number else 0]
        data = _field(content, buffer, 0)
        if data is None:
            return None
        start = data + struct.unpack_from("<I", content, data)[0] + 4
        return start if content[start + 4 : start + 8] == _IDENTIFIER else None
    return None


def _field(content: bytes, table: int, number: int) -> int | None:
    """Return where a field of a table stands; None if it is absent."""
    layout = table - struct.unpack_from("<i", content, table)[0]
    place = 4 + 2 * number
    if place >= struct.unpack_from("<H", content, layout)[0]:
        return None
    offset = struct.unpack_from("<H", content, layout + place)[0]
    return table + offset if offset else None


def _list(content: bytes, table: int, number: int) -> list[int]:
    """Return where the tables of a field stand."""
    at = _field(content, table, number)
    if at is None:
        return []
    start = at + struct.unpack_from("<I", content, at)[0]
    places = range(start + 4, start + 4 + 4 * struct.unpack_from("<I", content, start)[0], 4)
    return [place + struct.unpack_from("<I", content, place)[0] for place in places]


def _floats(content: bytes, table: int, number: int) -> tuple[float, ...]:
    at = _field(content, table, number)
    if at is None:
        return ()
    start = at + struct.unpack_from("<I", content, at)[0]
    return struct.unpack_from(f"<{struct.unpack_from('<I', content, start)[0]}f", content, start + 4)
