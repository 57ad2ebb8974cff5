"""Find which pictures show one specimen, site or series, so that no split tears them apart.

Three things tell it: names (frames of one video, copies that a tool augmented, numbered views of a numbered
specimen), the time by EXIF, and near-duplicates; boxes cut out of one picture belong together anyway.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from converter.data.near_duplicates import find_near_duplicates, join_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

SERIES_GAP_S = 60.0  # between two pictures of one series: the camera is moved, not carried elsewhere
# "rust12_jpg.rf.0f3a..." is one of several augmented copies; "plate3_nohash_1" one of several views.
_COPY = re.compile(r"^(?P<stem>.+?)(?:_(?:jpe?g|png|bmp|webp))?(?:\.rf\.|_nohash_)", re.IGNORECASE)
_COUNTED = re.compile(
    r"^(?P<stem>.*?)[ _.-]*(?P<word>frame|frm|img|view|shot|f)?[ _.-]*(?P<number>\d+)$", re.IGNORECASE
)
_VIDEO = re.compile(r"(?:^|[ _.-])(?:mp4|mov|avi|mkv|video|vid|clip)(?:$|[ _.-]|\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class View:
    """What a picture is grouped by.

    Attributes:
        name: its path within the data set.
        digest: the SHA-256 of its file.
        view_hash: bits of ``hash_view``.
        group: where it is known already; empty otherwise.
        camera: make and model, or empty.
        taken_at: by the camera's clock, or None.
    """

    name: str
    digest: str
    view_hash: NDArray[np.bool_] = field(repr=False)
    group: str = ""
    camera: str = ""
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups that were found.

    Attributes:
        names: of each picture's group.
        joined: how many pictures each reason joined to others.
    """

    names: tuple[str, ...]
    joined: dict[str, int]


def find_groups(views: Sequence[View], prefix: str) -> Groups:
    """Return a group for each picture; those that are known stay.

    Args:
        views: the pictures.
        prefix: begins the names of new groups, as a rule the source.
    """
    unknown = [index for index, view in enumerate(views) if not view.group]
    left = [views[index] for index in unknown]
    hashes = np.array([view.view_hash for view in left])
    reasons = {
        "being cut out of one picture": list(_join_equal([view.name for view in left])),
        "their names": list(_join_by_name(left)),
        "the time by EXIF": list(_join_by_time(left)),
        "being near-duplicates": list(find_near_duplicates(hashes)) if left else [],
    }
    clusters = join_pairs(len(left), (pair for pairs in reasons.values() for pair in pairs))
    first: dict[int, str] = {}
    for cluster, view in zip(clusters, left, strict=True):
        first[cluster] = min(first.get(cluster, view.digest), view.digest)
    names = [view.group for view in views]
    for index, cluster in zip(unknown, clusters, strict=True):
        names[index] = f"{prefix}:{first[cluster][:16]}"
    joined = {reason: len({index for pair in pairs for index in pair}) for reason, pairs in reasons.items()}
    return Groups(tuple(names), {reason: count for reason, count in joined.items() if count})


def read_series(name: str) -> str:
    """Return the name of the series that a file's name tells, or an empty text.

    ``IMG_0001`` and ``rust_17`` tell none: cameras and people number all their pictures so.
    """
    path = PurePosixPath(name)
    folder, stem = path.parent.as_posix(), path.stem
    copied = _COPY.match(path.name)
    if copied:
        stem = copied["stem"]
    counted = _COUNTED.match(stem)
    if counted and counted["stem"]:
        base, word = counted["stem"], (counted["word"] or "").lower()
        is_specimen = any(map(str.isdigit, base)) and any(map(str.isalpha, base))
        if _VIDEO.search(base) or word in {"frame", "frm", "view", "shot"} or is_specimen:
            return f"{'' if copied else folder}/{base}"
    return f"/{stem}" if copied else ""


def _join_by_name(views: Sequence[View]) -> Iterator[tuple[int, int]]:
    return _join_equal([read_series(view.name) for view in views])


def _join_equal(names: Sequence[str]) -> Iterator[tuple[int, int]]:
    members: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        if name:
            members[name].append(index)
    for indices in members.values():
        yield from pairwise(indices)


def _join_by_time(views: Sequence[View]) -> Iterator[tuple[int, int]]:
    """Yield pairs of pictures that one camera took within ``SERIES_GAP_S``."""
    by_camera: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for index, view in enumerate(views):
        if view.taken_at is not None:
            by_camera[view.camera].append((view.taken_at, index))
    for taken in by_camera.values():
        for (earlier, first), (later, second) in pairwise(sorted(taken)):
            if (later - earlier).total_seconds() <= SERIES_GAP_S:
                yield first, second
