"""Insert and find application segments of a JPEG by their name. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = b"\xff\xd8"
_APP0, _APP9 = b"\xff\xe0", b"\xff\xe9"
_MOST_BYTES = 65_535 - 2  # of a segment, without its length


def insert_segments(jpeg: bytes, name: bytes, content: bytes) -> bytes:
    """Return ``jpeg`` with ``content`` in as many APP9 segments as it needs, each beginning with ``name``.

    Raises:
        ValueError: it is no JPEG.
    """
    if not jpeg.startswith(_START):
        raise ValueError("no JPEG")
    at = len(_START)
    if jpeg.startswith(_APP0, at):  # readers want JFIF's own segment first
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    most = _MOST_BYTES - len(name)
    parts = [name + content[start : start + most] for start in range(0, max(1, len(content)), most)]
    segments = (_APP9 + (len(part) + 2).to_bytes(2, "big") + part for part in parts)
    return jpeg[:at] + b"".join(segments) + jpeg[at:]


def iter_segments(jpeg: bytes, name: bytes) -> Iterator[bytes]:
    """Yield the content of each APP9 segment that begins with ``name``, without it, in their order."""
    at = len(_START)
    if not jpeg.startswith(_START):
        return
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and 0xE0 <= jpeg[at + 1] <= 0xEF:
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        content = jpeg[at + 4 : at + 2 + length]
        if jpeg[at : at + 2] == _APP9 and content.startswith(name):
            yield content.removeprefix(name)
        at += 2 + length
