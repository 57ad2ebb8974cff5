"""Two missions along one pipe with known truth: what is new, grown, gone, unseen and unchanged."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import StoredPicture
from edge_node.evidence.marked_jpeg import embed_marking
from edge_node.inspection.overlay import Marking
from edge_node.messages.finding import BestEvidence
from edge_node.messages.verdict import Pose, Reason
from tests.support.missions import finding
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from pathlib import Path

ASSET = "pipe L-7"
STEP_M = 0.05
DARK = (Reason(code="dark", text="too dark"),)
EARLIER, LATER = "crawler-1:aaa:m1", "crawler-1:bbb:m1"
# What became of the defects, by the place in the earlier mission's metres.
TRUTH = {
    1.0: "unchanged",
    2.0: "grown",
    2.3: "unchanged",
    3.2: "new",
    4.0: "gone",
    5.0: "grown",
    6.0: "unchanged",
    7.5: "unseen",  # too dark
    9.0: "unchanged",
    11.5: "unseen",  # not reached
}


class Spot(NamedTuple):
    """A corroded place: where, how badly, which share of the picture."""

    at_m: float
    severity: str
    area: float


_THEN = (
    *(Spot(1.0, "mid", 0.1), Spot(2.0, "mid", 0.1), Spot(2.3, "mid", 0.12), Spot(4.0, "mid", 0.1)),
    *(Spot(5.0, "late", 0.3), Spot(6.0, "mid", 0.1), Spot(7.5, "mid", 0.1), Spot(9.0, "mid", 0.2)),
    Spot(11.5, "mid", 0.1),
)
_NOW = (
    *(Spot(1.0, "mid", 0.1), Spot(2.0, "late", 0.3), Spot(2.3, "mid", 0.12), Spot(3.2, "mid", 0.08)),
    *(Spot(5.0, "late", 0.5), Spot(6.0, "mid", 0.1), Spot(9.0, "mid", 0.2)),
)


def open_two_missions(folder: Path, *, drift: float = 1.0) -> History:
    """Write both missions; the later one is dark from 7 to 8 m, ends at 11 m, and counts ``drift`` metres."""
    history = History(folder)
    add_two_missions(history, drift=drift)
    DefectBook(history.database).catch_up()
    return history


def add_two_missions(history: History, *, drift: float = 1.0) -> None:
    """Write both missions into a history."""
    with history.transaction():
        add_mission(history, ("aaa", 0), _THEN, end_m=12.0)
        add_mission(history, ("bbb", 90), _NOW, end_m=11.0, dark_m=(7.0, 8.0), drift=drift)


def add_mission(
    history: History,
    which: tuple[str, int],
    spots: tuple[Spot, ...],
    *,
    end_m: float,
    dark_m: tuple[float, float] = (0.0, 0.0),
    drift: float = 1.0,
) -> None:
    """Write one pass: ``which`` is its epoch and its day."""
    epoch, day = which
    begin = START + timedelta(days=day)
    for seq in range(1, round(end_m / STEP_M) + 1):
        at_m = seq * STEP_M
        spot = next((one for one in spots if abs(one.at_m - at_m) < 0.11), None)
        is_dark = dark_m[0] <= at_m <= dark_m[1]
        history.add_verdict(
            verdict(
                seq,
                "X" if is_dark else "C" if spot else "U",
                asset=ASSET,
                severity=spot.severity if spot else None,
                area_fraction=spot.area * (0.99 + 0.02 * (seq % 2)) if spot else None,
                pose=Pose(distance_m=at_m * drift),
                observed_at=begin + timedelta(seconds=seq / 2),
                id=f"crawler-1:{epoch}:{seq}",
                boot_id=epoch,
                reasons=DARK if is_dark else (),
            )
        )
    for number, spot in enumerate(spots):
        _add_finding(history, epoch, begin, (number, spot), drift)


def _add_finding(history: History, epoch: str, begin, numbered: tuple[int, Spot], drift: float) -> None:
    number, spot = numbered
    middle = round(spot.at_m / STEP_M)
    sha256 = f"{epoch}{number}".encode().hex().rjust(64, "0")
    history.add_picture(
        StoredPicture("quay", "crawler-1", sha256, is_thumbnail=False, content=_draw(spot, number))
    )
    ids = [f"crawler-1:{epoch}:{middle + off}" for off in (-2, 2, 0)]
    history.add_finding(
        finding(
            middle,
            id=f"crawler-1:{epoch}:f{middle}",
            asset=ASSET,
            first_verdict=ids[0],
            last_verdict=ids[1],
            best_verdict=ids[2],
            frames=5,
            first_observed_at=begin + timedelta(seconds=(middle - 2) / 2),
            last_observed_at=begin + timedelta(seconds=(middle + 2) / 2),
            peak_severity=spot.severity,
            peak_area_fraction=spot.area,
            peak_grades=None,
            from_pose=Pose(distance_m=(spot.at_m - 0.1) * drift),
            to_pose=Pose(distance_m=(spot.at_m + 0.1) * drift),
            best_evidence_sha256=sha256,
            best_evidence=BestEvidence(
                verdict=ids[2], confidence=0.97, severity=spot.severity, area_fraction=spot.area
            ),
        )
    )


def _draw(spot: Spot, number: int) -> bytes:
    """Draw rust on metal, with the map of it beside the pixels."""
    grain = np.random.default_rng(number).integers(120, 180, (12, 16, 3), dtype=np.uint8)
    pixels = cv2.resize(grain, (320, 240), interpolation=cv2.INTER_CUBIC)
    radius = round(90 * spot.area**0.5) + 20
    cv2.circle(pixels, (160, 120), radius, (30, 60, 140), -1)
    place = np.zeros((240, 320), np.float32)
    cv2.circle(place, (160, 120), radius, 1.0, -1)
    marking = Marking(cv2.resize(place, (20, 15), interpolation=cv2.INTER_AREA), ("corroded steel",))
    return embed_marking(cv2.imencode(".jpg", pixels)[1].tobytes(), marking)
