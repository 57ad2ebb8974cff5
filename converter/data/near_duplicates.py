"""Find pictures of one view by perceptual hashes, which resizing and recompressing hardly change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

# Largest number of differing bits, of 64, between the hashes of near-duplicates; pictures of different
# subjects differ in 32 on average.
NEAR_DUPLICATE_BITS = 8
_HASH_SIDE = 8


def hash_view(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the perceptual hash of a picture in blue, green, red: 64 bits."""
    import imagehash
    from PIL import Image

    return np.asarray(imagehash.phash(Image.fromarray(pixels[..., ::-1]), _HASH_SIDE).hash).ravel()


def find_near_duplicates(hashes: NDArray[np.bool_]) -> Iterable[tuple[int, int]]:
    """Yield the pairs of rows, the lower first, that are near-duplicates."""
    for index, bits in enumerate(hashes):
        differing = np.count_nonzero(hashes[index + 1 :] != bits, axis=1)
        for other in np.flatnonzero(differing <= NEAR_DUPLICATE_BITS):
            yield index, index + 1 + int(other)


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
