"""Measure the search for near-duplicates among many pictures beside comparing all pairs.

    python -m tests.benchmarks.near_duplicates [--pictures 5000 50000]

Hashes are random; a third are copies of others a few bits apart, as of recompressed and cropped pictures.
Rows say what each way costs in processor seconds, and whether both find the same pairs.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import numpy as np

from converter.data.near_duplicates import NEAR_DUPLICATE_BITS, find_near_duplicates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Search = Callable[[NDArray[np.bool_]], Iterator[tuple[int, int]]]


def main() -> None:
    """Print a row for each number of pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, nargs="+", default=[5000, 50_000])
    args = parser.parse_args()
    print(f"{'pictures':>9}{'pairs':>9}{'search':>12}{'all pairs':>12}  same")
    for count in args.pictures:
        hashes = _make_hashes(count)
        took, found = _measure(find_near_duplicates, hashes)
        plain, wanted = _measure(_compare_all, hashes)
        same = "yes" if found == wanted else "NO"
        print(f"{count:9}{len(found):9}{took:10.2f} s{plain:10.2f} s  {same}", flush=True)


def _make_hashes(count: int) -> NDArray[np.bool_]:
    rng = np.random.default_rng(0)
    hashes = rng.random((count, 64)) < 0.5
    copies = rng.choice(count, count // 3, replace=False)
    hashes[copies] = hashes[rng.integers(0, count, len(copies))]
    for at in copies:
        hashes[at, rng.choice(64, rng.integers(0, 12), replace=False)] ^= True
    return hashes


def _measure(search: Search, hashes: NDArray[np.bool_]) -> tuple[float, list[tuple[int, int]]]:
    started = time.process_time()
    found = list(search(hashes))
    return time.process_time() - started, found


def _compare_all(hashes: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    for index, bits in enumerate(hashes):
        differing = np.count_nonzero(hashes[index + 1 :] != bits, axis=1)
        for other in np.flatnonzero(differing <= NEAR_DUPLICATE_BITS):
            yield index, index + 1 + int(other)


if __name__ == "__main__":
    main()
