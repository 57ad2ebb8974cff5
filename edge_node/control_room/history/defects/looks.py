"""Offer findings without a place whose pictures look alike: the same details in the same arrangement.

Rust changes, light changes, and the robot comes from elsewhere; scratches, welds, edges and old stains stay.
Details are SIFT's, which needs no trained model; those that match must fit one shift, turn and scale. Whether
two findings are one defect, a person decides.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_node.control_room.history.defects.sightings import select_sightings
from edge_node.control_room.history.queries import select_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.defects.records import Sighting

MOST_FINDINGS = 100  # the newest of an asset that are compared
MOST_TRIED = 8  # pictures that are compared with each in detail, those with the most alike colours and edges
LEAST_FITTING = 8  # details; by chance it is six at most, of pairs of 300 real pictures
_SIDE_PX = 320  # of a thumbnail: larger pictures are compared as these are
_DETAILS = 300
_CLEARLY_NEARER = 0.8  # as a share of the distance of the next best match
_OFF_PX = 4.0
_MOST_SCALE = 2.5
_GRID, _TURNS, _HUES = 4, 8, 16
_KEPT = 400  # pictures whose details stay in memory, 150 kB each


@dataclass(frozen=True, slots=True)
class PictureLook:
    """What a picture is compared by.

    Attributes:
        outline: colours and directions of edges, of length one: cheap to compare.
        places: of the details, in pixels.
        details: one row of numbers for each.
    """

    outline: np.ndarray
    places: np.ndarray
    details: np.ndarray


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


def describe_picture(jpeg: bytes) -> PictureLook | None:
    """Return what a picture is compared by; None if it cannot be read."""
    import cv2  # takes 0.2 s, which nobody needs at the start

    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        return None
    scale = _SIDE_PX / max(pixels.shape[:2])
    if scale < 1:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    even = cv2.createCLAHE(2.0, (8, 8)).apply(grey)
    found, details = cv2.SIFT_create(_DETAILS).detectAndCompute(even, None)  # type: ignore[attr-defined]
    places = np.array([one.pt for one in found], np.float32).reshape(-1, 2)
    if details is None:
        details = np.zeros((0, 128), np.float32)
    return PictureLook(_outline(cv2, pixels, even), places, details)


def count_fitting(one: PictureLook, other: PictureLook) -> int:
    """Return how many details of two pictures lie in the same arrangement."""
    import cv2

    if min(len(one.details), len(other.details)) < LEAST_FITTING:
        return 0
    pairs = [
        two[0]
        for two in cv2.BFMatcher(cv2.NORM_L2).knnMatch(one.details, other.details, k=2)
        if len(two) == 2 and two[0].distance < _CLEARLY_NEARER * two[1].distance
    ]
    if len(pairs) < LEAST_FITTING:
        return 0
    here = np.array([one.places[pair.queryIdx] for pair in pairs])
    there = np.array([other.places[pair.trainIdx] for pair in pairs])
    cv2.setRNGSeed(0)  # the same pictures give the same answer
    turn, fitting = cv2.estimateAffinePartial2D(here, there, ransacReprojThreshold=_OFF_PX)
    if turn is None or not 1 / _MOST_SCALE < float(np.hypot(turn[0, 0], turn[1, 0])) < _MOST_SCALE:
        return 0
    # Details on top of each other are one.
    return len({tuple(place) for place in np.round(here[fitting.ravel() > 0] / _OFF_PX)})


def find_pairs(looks: Sequence[PictureLook]) -> list[tuple[int, int, float]]:
    """Return the pairs of pictures that show one place, most alike first, with their likeness from 0 to 1."""
    if len(looks) < 2:
        return []
    outlines = np.array([look.outline for look in looks])
    alike = outlines @ outlines.T
    np.fill_diagonal(alike, -1.0)
    tried = {
        (min(row, column), max(row, column))
        for row, order in enumerate(np.argsort(-alike, axis=1, kind="stable").tolist())
        for column in order[:MOST_TRIED]
        if row != column
    }
    found = [(row, column, count_fitting(looks[row], looks[column])) for row, column in sorted(tried)]
    pairs = [
        (row, column, fitting / (fitting + LEAST_FITTING / 2.0))
        for row, column, fitting in found
        if fitting >= LEAST_FITTING
    ]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[:2]))


def _outline(cv2: Any, pixels: np.ndarray, grey: np.ndarray) -> np.ndarray:
    hsv = cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV)
    hues = cv2.calcHist([hsv], [0, 1], None, [_HUES, 4], [0, 180, 0, 256]).ravel()
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength, angle = cv2.cartToPolar(across, down)
    turns = (angle * _TURNS / (2 * np.pi)).astype(int) % _TURNS
    height, width = grey.shape
    rows = np.arange(height)[:, None] * _GRID // height
    columns = np.arange(width)[None, :] * _GRID // width
    cell = (rows * _GRID + columns) * _TURNS + turns
    edges = np.bincount(cell.ravel(), strength.ravel(), _GRID * _GRID * _TURNS)
    parts = [np.sqrt(part / max(float(part.sum()), 1e-9)) for part in (hues, edges)]
    whole = np.concatenate(parts)
    return np.asarray(whole / max(float(np.linalg.norm(whole)), 1e-9))


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


_looks: OrderedDict[tuple[str, int], PictureLook | None] = OrderedDict()
_lock = threading.Lock()
