"""Split samples into training, validation and test sets, or folds, that share no specimen.

Two pictures of one specimen in two sets inflate the accuracy, so whole groups go to one set: the ``group``
column, else folders, else clusters of near-duplicates. The set of a group depends only on its name and the
seed, so that added pictures move none of the others.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from converter.data.near_duplicates import find_near_duplicates, hash_view, join_pairs
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from converter.data.dataset import Sample

_BUCKETS = 2**32


class SplitPart(str, Enum):
    """The set of a split that a picture goes to."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Split:
    """Three sets of samples that have no group in common."""

    training: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    test: tuple[Sample, ...]


def with_groups(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Return the samples with missing groups filled: near-duplicates share one, others get one of their own.

    A group is named after the smallest SHA-256 of its pictures, so that its name does not depend on paths.
    """
    unknown = [index for index, sample in enumerate(samples) if not sample.group]
    if not unknown:
        return tuple(samples)
    hashes = np.array([hash_view(samples[index].read()) for index in unknown])
    clusters = join_pairs(len(unknown), find_near_duplicates(hashes))
    contents = [samples[index].sha256 for index in unknown]
    names = dict[int, str]()
    for content, cluster in zip(contents, clusters, strict=True):
        names[cluster] = min(names.get(cluster, content), content)
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
    """Split samples by group.

    Args:
        samples: with filled groups (``with_groups``).
        test_percent: share of the groups for the test set.
        validation_percent: share of the groups that decide when training ends.
        seed: another seed gives another split.
        leave_out: sources or sets whose groups go to the test set.

    Raises:
        DatasetError: no training picture is left, or a name in ``leave_out`` is unknown.
    """
    left_out = find_groups(samples, leave_out)
    parts: dict[SplitPart, list[Sample]] = defaultdict(list)
    for sample in samples:
        part = (
            SplitPart.TEST
            if sample.group in left_out
            else _choose_part(sample, test_percent, validation_percent, seed)
        )
        parts[part].append(sample)
    if not parts[SplitPart.TRAINING]:
        raise DatasetError(
            f"{len(samples)} pictures in {len({s.group for s in samples})} groups leave none to train on;"
            " add specimens, or choose another --seed or smaller percentages"
        )
    return Split(*(tuple(parts[part]) for part in (SplitPart.TRAINING, SplitPart.VALIDATION, SplitPart.TEST)))


def find_groups(samples: Sequence[Sample], sources: Sequence[str]) -> set[str]:
    """Return the groups that occur in these sources or sets.

    Raises:
        DatasetError: a source is unknown.
    """
    known = {name for sample in samples for name in (sample.source, sample.set_name)}
    if unknown := [name for name in sources if name not in known]:
        known_names = ", ".join(sorted(filter(None, known))) or "none"
        raise DatasetError(f"--leave-out {unknown[0]}: no such source; known are {known_names}")
    return {sample.group for sample in samples if {sample.source, sample.set_name} & set(sources)}


def split_by_group(samples: Sequence[Sample], count: int, *, seed: int = 0) -> NDArray[np.intp]:
    """Return a fold number for each sample, ``(samples,)``; no group is in two folds.

    A group's fold depends only on its name and the seed, so that added pictures do not move it.
    """
    return np.array(
        [_hash_to_bucket(sample.group, f"folds:{seed}") * count // _BUCKETS for sample in samples]
    )


def split_by_picture(samples: Sequence[Sample], count: int, *, seed: int = 0) -> NDArray[np.intp]:
    """Return a fold number for each sample by picture; inflates accuracies, for comparison only.

    A picture's fold depends on its file and folder name, not on the data set's path.
    """
    names = ["/".join(sample.path.parts[-2:]) for sample in samples]
    return np.array([_hash_to_bucket(name, f"folds:{seed}") * count // _BUCKETS for name in names])


def _choose_part(sample: Sample, test_percent: float, validation_percent: float, seed: int) -> SplitPart:
    percent = _hash_to_bucket(sample.group, f"split:{seed}") * 100 / _BUCKETS
    if percent < validation_percent:
        return SplitPart.VALIDATION
    return SplitPart.TEST if percent < validation_percent + test_percent else SplitPart.TRAINING


def _hash_to_bucket(name: str, salt: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{salt}:{name}".encode()).digest()[:4], "big")
