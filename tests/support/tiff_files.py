"""TIFF files with tags that OpenCV cannot write: their values are stored as they are, without compression."""

from __future__ import annotations

import struct

import numpy as np

SHORT, LONG = 3, 4


def tiff(*pages, tags=(), photometric=None, order="<") -> bytes:
    """Return a TIFF file.

    Args:
        pages: arrays ``(height, width)`` or ``(height, width, samples)``, red first; of any number type.
        tags: further tags of each page, tag -> whole number, or a list of numbers.
        photometric: 0 white is zero, 1 black is zero, 2 RGB, ...; default by the number of samples.
        order: "<" or ">".
    """
    content = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HI", 42, 8)
    for index, page in enumerate(pages):
        values = np.atleast_3d(page)
        samples = values.shape[2]
        kinds = {"u": 1, "i": 2, "f": 3}
        entries = {
            256: values.shape[1],
            257: values.shape[0],
            258: [values.dtype.itemsize * 8] * samples,
            259: 1,
            262: (2 if samples >= 3 else 1) if photometric is None else photometric,
            277: samples,
            278: values.shape[0],
            279: values.nbytes,
            339: [kinds[values.dtype.kind]] * samples,
            **dict(tags),
        }
        data = values.astype(values.dtype.newbyteorder(order)).tobytes()
        is_last = index == len(pages) - 1
        content += _directory(entries, data, len(content), order, is_last=is_last)
    return content


def _directory(entries, data, start, order, *, is_last) -> bytes:
    """Return a directory at ``start`` with its long values and its picture behind it."""
    end = start + 2 + 12 * (len(entries) + 1) + 4
    behind = data + b"\0" * (len(data) % 2)
    entries = {**entries, 273: end}
    packed = b""
    for tag in sorted(entries):
        numbers = entries[tag] if isinstance(entries[tag], list) else [entries[tag]]
        kind, form = (SHORT, "H") if max(numbers) <= 0xFFFF and tag not in {273, 279} else (LONG, "I")
        raw = struct.pack(f"{order}{len(numbers)}{form}", *numbers)
        if len(raw) > 4:
            raw, behind = struct.pack(order + "I", end + len(behind)), behind + raw + b"\0" * (len(raw) % 2)
        packed += struct.pack(order + "HHI", tag, kind, len(numbers)) + raw.ljust(4, b"\0")
    after = 0 if is_last else end + len(behind)
    return struct.pack(order + "H", len(entries)) + packed + struct.pack(order + "I", after) + behind
