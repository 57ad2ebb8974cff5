"""Training, validation and test sets that share no specimen.

Two pictures of one plate in two sets make a model look better than it is. So whole groups go to one set: the
``group`` column, else folders, else clusters of pictures that look the same. Which set a group goes to
depends on its own name and the seed only, so that added pictures move none of the others.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from converter.data.dataset import Sample

# Bits of 64 in which the hashes of two pictures may differ and still be called the same view; pictures of
# different subjects differ in 32 on average.
NEAR_DUPLICATE_BITS = 8
_HASH_SIDE = 8
_BUCKETS = 2**32


class Part(str, Enum):
    """What a picture is used for."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Split:
    """Three sets of samples without a group in common."""

    training: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    test: tuple[Sample, ...]


def with_groups(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Return the samples with every ``group`` filled: near-duplicates share one, all others are alone.

    A cluster is named after the smallest hash of its pictures' contents: the same pictures, the same name,
    wherever they lie.
    """
    unknown = [index for index, sample in enumerate(samples) if not sample.group]
    if not unknown:
        return tuple(samples)
    clusters = _clusters(np.array([_view_hash(samples[index]) for index in unknown]))
    contents = [samples[index].sha256 for index in unknown]
    names = {
        cluster: min(content for content, own in zip(contents, clusters, strict=True) if own == cluster)
        for cluster in set(clusters)
    }
    filled = list(samples)
    for index, cluster in zip(unknown, clusters, strict=True):
        filled[index] = replace(samples[index], group=f"view:{names[cluster][:16]}")
    return tuple(filled)


def split(
    samples: Sequence[Sample],
    *,
    test_percent: float,
    validation_percent: float,
    seed: int = 0,
    leave_out: Sequence[str] = (),
) -> Split:
    """Divide samples whose groups are filled by group.

    Args:
        samples: see ``with_groups``.
        test_percent: share of the groups that is only tested on.
        validation_percent: share of the groups that decides when training ends.
        seed: another seed, another division.
        leave_out: sources or sets of which every picture, and every picture of a group that occurs in them,
            goes to the test set.

    Raises:
        DatasetError: nothing is left to train on, or a name in ``leave_out`` does not occur.
    """
    left_out = groups_of(samples, leave_out)
    parts: dict[Part, list[Sample]] = defaultdict(list)
    for sample in samples:
        part = (
            Part.TEST if sample.group in left_out else _part(sample, test_percent, validation_percent, seed)
        )
        parts[part].append(sample)
    if not parts[Part.TRAINING]:
        raise DatasetError(
            f"{len(samples)} pictures in {len({s.group for s in samples})} groups leave none to train on;"
            " add specimens, or choose another --seed or smaller percentages"
        )
    return Split(*(tuple(parts[part]) for part in (Part.TRAINING, Part.VALIDATION, Part.TEST)))


def groups_of(samples: Sequence[Sample], sources: Sequence[str]) -> set[str]:
    """Return the groups that occur in any of these sources or sets.

    Raises:
        DatasetError: there is no such source.
    """
    known = {name for sample in samples for name in (sample.source, sample.set_name)}
    if unknown := [name for name in sources if name not in known]:
        known_names = ", ".join(sorted(filter(None, known))) or "none"
        raise DatasetError(f"--leave-out {unknown[0]}: no such source; known are {known_names}")
    return {sample.group for sample in samples if {sample.source, sample.set_name} & set(sources)}


def split_folds(samples: Sequence[Sample], count: int, *, seed: int = 0) -> NDArray[np.intp]:
    """Return a fold number for each sample, ``(samples,)``; no group is in two folds.

    Each group's fold is that of its hash, so it stays where it is when pictures are added.
    """
    return np.array([_bucket(sample.group, f"folds:{seed}") * count // _BUCKETS for sample in samples])


def random_folds(samples: Sequence[Sample], count: int, *, seed: int = 0) -> NDArray[np.intp]:
    """Return folds by picture: the division that flatters, for comparison only.

    A picture's fold is that of its file and folder name, wherever the data set lies.
    """
    names = ["/".join(sample.path.parts[-2:]) for sample in samples]
    return np.array([_bucket(name, f"folds:{seed}") * count // _BUCKETS for name in names])


def _part(sample: Sample, test_percent: float, validation_percent: float, seed: int) -> Part:
    percent = _bucket(sample.group, f"split:{seed}") * 100 / _BUCKETS
    if percent < validation_percent:
        return Part.VALIDATION
    return Part.TEST if percent < validation_percent + test_percent else Part.TRAINING


def _bucket(name: str, salt: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{salt}:{name}".encode()).digest()[:4], "big")


def _view_hash(sample: Sample) -> NDArray[np.bool_]:
    """Return 64 bits that stay the same when a picture is resized or compressed again."""
    import imagehash
    from PIL import Image

    return np.asarray(imagehash.phash(Image.fromarray(sample.read()[..., ::-1]), _HASH_SIDE).hash).ravel()


def _clusters(hashes: NDArray[np.bool_]) -> list[int]:
    """Return a cluster number for each row: chains of rows that differ in few bits are one cluster."""
    numbers = list(range(len(hashes)))

    def root(index: int) -> int:
        while numbers[index] != index:
            numbers[index] = numbers[numbers[index]]
            index = numbers[index]
        return index

    for index, bits in enumerate(hashes):
        differing = np.count_nonzero(hashes[index + 1 :] != bits, axis=1)
        for other in np.flatnonzero(differing <= NEAR_DUPLICATE_BITS):
            numbers[root(index + 1 + int(other))] = root(index)
    return [root(index) for index in range(len(hashes))]
