"""Offer findings without a place that look alike: a person decides whether they are one defect."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_node.control_room.history.defects.looks import PictureLook, describe_picture, find_pairs
from edge_node.control_room.history.defects.sightings import select_sightings
from edge_node.control_room.history.queries import select_picture

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.defects.records import Sighting

MOST_FINDINGS = 100  # the newest of an asset that are compared
_KEPT = 400  # pictures whose details stay in memory, 150 kB each
_looks: OrderedDict[tuple[str, int], PictureLook | None] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two findings of which the pictures show one place, as far as pictures tell."""

    one: Sighting
    other: Sighting
    likeness: float


def offer_pairs(database: Database, site: str, asset: str | None) -> list[Pair]:
    """Return pairs of findings of one asset that may be one place, most alike first.

    Only findings without a pose are offered: of others the place tells. Nor are two of one defect.

    Args:
        database: of the history.
        site: of the findings.
        asset: of the findings; None for those of which no asset is told.
    """
    found = [
        one
        for one in select_sightings(database, site=site, asset=asset)
        if one.asset == asset and not one.summary.has_place and one.summary.picture
    ][-MOST_FINDINGS:]
    looked = [(one, look) for one in found if (look := _look_at(database, one)) is not None]
    pairs = find_pairs([look for _, look in looked])
    return [
        Pair(looked[row][0], looked[column][0], round(likeness, 3))
        for row, column, likeness in pairs
        if looked[row][0].defect is None or looked[row][0].defect != looked[column][0].defect
    ]


def _look_at(database: Database, one: Sighting) -> PictureLook | None:
    picture = select_picture(database, one.site, one.robot, one.summary.picture or "", full=True)
    if picture is None:
        return None
    key = picture.sha256, len(picture.content)
    with _lock:
        if key in _looks:
            _looks.move_to_end(key)
            return _looks[key]
    look = describe_picture(picture.content)
    with _lock:
        _looks[key] = look
        while len(_looks) > _KEPT:
            _looks.popitem(last=False)
    return look
