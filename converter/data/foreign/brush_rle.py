"""Decode and encode the run lengths in which Label Studio stores brush strokes.

A stream of bits: the number of values (32), their width less one (5), four widths of run lengths less one
(4 each), then runs: one bit (1: the run repeats one value), two bits (which width), the length less one, and
the value or values. The format is that of the package ``rle-pack`` of thi.ng/umbrella; Label Studio's own
library reads and writes it bit by bit in Python and brings 60 MB along, so it stands here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORD_BITS = 8
_LENGTH_BITS = (3, 4, 8, 16)  # as Label Studio writes them


class BrushError(ValueError):
    """A stream is damaged; the text says how."""


def decode_brush(packed: bytes, expected: int) -> NDArray[np.uint8]:
    """Return the values in ``packed``, uint8 ``(expected,)``.

    Raises:
        BrushError: it is cut off, or holds another number of values.
    """
    stream = _Bits(packed)
    number, width = stream.read(32), stream.read(5) + 1
    if number != expected or width != _WORD_BITS:
        raise BrushError("a brush of another size than its picture")
    length_bits = [stream.read(4) + 1 for _ in range(4)]
    values = np.zeros(number, np.uint8)
    at = 0
    while at < number:
        repeats = stream.read(1)
        end = at + 1 + stream.read(length_bits[stream.read(2)])
        if end > number:
            raise BrushError("a brush that is damaged")
        if repeats:
            values[at:end] = stream.read(width)
        else:
            values[at:end] = [stream.read(width) for _ in range(end - at)]
        at = end
    return values


def encode_brush(mask: NDArray[np.bool_]) -> bytes:
    """Return a mask ``(height, width)`` as Label Studio stores it: 255 four times for each pixel of it."""
    pixels = mask.ravel()
    starts = np.concatenate([[0], np.flatnonzero(pixels[1:] != pixels[:-1]) + 1, [pixels.size]])
    words = [f"{4 * pixels.size:032b}{_WORD_BITS - 1:05b}"]
    words += [f"{bits - 1:04b}" for bits in _LENGTH_BITS]
    for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        value = f"{255 if pixels[start] else 0:08b}"
        left = 4 * (end - start)
        while left:
            length = min(left, 2 ** _LENGTH_BITS[-1])
            which = next(at for at, bits in enumerate(_LENGTH_BITS) if length <= 2**bits)
            words.append(f"1{which:02b}{length - 1:0{_LENGTH_BITS[which]}b}{value}")
            left -= length
    bits = "".join(words)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


class _Bits:
    """Read numbers of some bits each, the first bit highest."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def read(self, count: int) -> int:
        """Return the number in the next ``count`` bits."""
        start, end = self._at, self._at + count
        if end > 8 * len(self._content):
            raise BrushError("a brush that is cut off")
        word = int.from_bytes(self._content[start // 8 : -(-end // 8)], "big")
        self._at = end
        return word >> (-end % 8) & ((1 << count) - 1)
