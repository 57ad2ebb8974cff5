"""Find pictures of one view by perceptual hashes, which resizing and recompressing hardly change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

# Largest number of differing bits, of 64, between the hashes of near-duplicates; pictures of different
# subjects differ in 32 on average.
NEAR_DUPLICATE_BITS = 8
_HASH_SIDE = 8
_THIRDS = 3  # a hash's bits are dealt out to them in turn, as neighbouring bits say similar things
_BLOCK_ROWS = 1024  # compared at once: bounds memory
_BITS_OF = np.array([number.bit_count() for number in range(1 << 16)], np.uint8)


def hash_view(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the perceptual hash of a picture in blue, green, red: 64 bits."""
    import imagehash
    from PIL import Image

    return np.asarray(imagehash.phash(Image.fromarray(pixels[..., ::-1]), _HASH_SIDE).hash).ravel()


def find_near_duplicates(hashes: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of rows, the lower first, that are near-duplicates, in ascending order.

    Hashes of 64 bits that differ in at most 8 differ in at most 2 bits of one third, so both thirds have a
    neighbour in common that differs from each in at most one bit. Rows that share such a neighbour are
    compared whole: of pictures with no more in common than chance these are few, so the time grows with
    their number, not with its square.

    Args:
        hashes: one a row, of 64 bits, as ``hash_view`` makes them.
    """
    packed = np.packbits(hashes, axis=1).view(np.uint64).ravel()
    thirds = [_Third(np.ascontiguousarray(hashes[:, start::_THIRDS])) for start in range(_THIRDS)]
    for first in range(0, len(packed), _BLOCK_ROWS):
        rows = np.arange(first, min(first + _BLOCK_ROWS, len(packed)))
        sizes = sum((third.count(rows) for third in thirds), np.zeros(len(rows), np.int64))
        many = sizes >= len(packed) - rows  # pictures of one view: to compare with all behind is less work
        few = [_keep_near(packed, *third.list_candidates(rows[~many])) for third in thirds]
        scanned = [_scan_behind(packed, int(row)) for row in rows[many]]
        # Two thirds may both find a pair; a row that is scanned finds each of its pairs once, in order.
        found = np.sort(np.concatenate([np.unique(np.concatenate(few)), *scanned]), kind="stable")
        yield from zip((found // len(packed)).tolist(), (found % len(packed)).tolist(), strict=True)


def join_pairs(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Return a cluster number for each of ``count`` items; items connected by pairs form one cluster."""
    numbers = list(range(count))

    def root(index: int) -> int:
        while numbers[index] != index:
            numbers[index] = numbers[numbers[index]]
            index = numbers[index]
        return index

    for first, second in pairs:
        numbers[root(second)] = root(first)
    return [root(index) for index in range(count)]


class _Third:
    """A third of each hash's bits, with the rows that have a given number or differ from it in one bit."""

    def __init__(self, bits: NDArray[np.bool_]) -> None:
        """Enter each row under its own number and those that differ in one bit."""
        places = 1 << np.arange(bits.shape[1], dtype=np.int64)
        own = bits @ places
        self._numbers = np.concatenate([own[:, np.newaxis], own[:, np.newaxis] ^ places], axis=1)
        entered = self._numbers.ravel()
        self._rows = np.argsort(entered, kind="stable") // self._numbers.shape[1]
        counts = np.bincount(entered, minlength=1 << bits.shape[1])
        self._starts = np.concatenate([[0], np.cumsum(counts)])

    def count(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for each row how many candidates ``list_candidates`` has."""
        numbers = self._numbers[rows]
        return np.asarray((self._starts[numbers + 1] - self._starts[numbers]).sum(axis=1))

    def list_candidates(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return pairs of a row and one that may be near: all whose thirds differ in at most 2 bits."""
        numbers = self._numbers[rows].ravel()
        starts = self._starts[numbers]
        sizes = self._starts[numbers + 1] - starts
        ends = np.cumsum(sizes)
        places = np.arange(int(sizes.sum())) + np.repeat(starts - (ends - sizes), sizes)
        lower = np.repeat(np.repeat(rows, self._numbers.shape[1]), sizes)
        return lower, self._rows[places]


def _keep_near(
    packed: NDArray[np.uint64], lower: NDArray[np.int64], upper: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return those pairs that are near-duplicates, the lower first, each as ``lower * rows + upper``."""
    is_near = (lower < upper) & (_count_bits(packed[lower] ^ packed[upper]) <= NEAR_DUPLICATE_BITS)
    return np.asarray(lower[is_near] * len(packed) + upper[is_near])


def _scan_behind(packed: NDArray[np.uint64], row: int) -> NDArray[np.int64]:
    """Return the pairs of a row and all near-duplicates behind it, as ``_keep_near`` does."""
    differing = _count_bits(packed[row + 1 :] ^ packed[row])
    return np.flatnonzero(differing <= NEAR_DUPLICATE_BITS) + (row * len(packed) + row + 1)


def _count_bits(numbers: NDArray[np.uint64]) -> NDArray[np.uint8]:
    halves = _BITS_OF[numbers.view(np.uint16)].reshape(-1, 4)
    return np.asarray(halves[:, 0] + halves[:, 1] + halves[:, 2] + halves[:, 3])
