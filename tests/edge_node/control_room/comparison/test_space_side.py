"""Two missions over a hull, with positions in space and no distance: what became of its defects."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

from edge_node.control_room.comparison.comparison import compare_missions
from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.history import History
from edge_node.control_room.history.missions.mission_book import MissionBook
from edge_node.messages.verdict import Pose
from tests.support.missions import finding
from tests.support.verdicts import START, verdict

STEP_M = 0.1
THEN = {(1.0, 0.0), (3.0, 0.0), (1.0, 1.0), (4.0, 1.0), (2.0, 2.0), (4.0, 2.0)}
NOW = THEN - {(3.0, 0.0), (4.0, 1.0), (4.0, 2.0)} | {(2.5, 1.0)}
TRUTH = {
    (1.0, 0.0): "unchanged",
    (3.0, 0.0): "gone",
    (1.0, 1.0): "unchanged",
    (2.5, 1.0): "new",
    (4.0, 1.0): "unseen",  # too dark
    (2.0, 2.0): "unchanged",
    (4.0, 2.0): "unseen",  # not reached
}


def sail(history: History, epoch: str, places: set[tuple[float, float]], shift_m: float, last_row_m: float):
    """Go along the hull in three rows, a metre of depth apart; the later mission is dark around one place."""
    begin, seq = START + timedelta(days=90 * (epoch == "bbb")), 0
    for depth in range(3):
        for step in range(round((last_row_m if depth == 2 else 5.0) / STEP_M)):
            seq += 1
            x_m = round(step * STEP_M, 1)
            spot = next((one for one in places if one[1] == depth and abs(one[0] - x_m) < 0.11), None)
            is_dark = epoch == "bbb" and depth == 1 and 3.6 < x_m < 4.4
            history.add_verdict(
                verdict(
                    seq,
                    "X" if is_dark else "C" if spot else "U",
                    asset="hull",
                    id=f"crawler-1:{epoch}:{seq}",
                    boot_id=epoch,
                    severity="mid" if spot else None,
                    area_fraction=0.1 if spot else None,
                    pose=Pose(x_m=x_m + shift_m, y_m=0.0, z_m=-float(depth)),
                    observed_at=begin + timedelta(seconds=seq),
                )
            )
            if spot == (x_m, depth):
                at = Pose(x_m=x_m + shift_m, y_m=0.0, z_m=-float(depth))
                ids = [f"crawler-1:{epoch}:{seq + off}" for off in (-1, 1, 0)]
                history.add_finding(
                    finding(
                        seq,
                        id=f"crawler-1:{epoch}:f{seq}",
                        asset="hull",
                        frames=3,
                        **dict(zip(("first_verdict", "last_verdict", "best_verdict"), ids, strict=True)),
                        from_pose=at,
                        to_pose=at,
                        peak_severity="mid",
                        first_observed_at=begin + timedelta(seconds=seq - 1),
                        last_observed_at=begin + timedelta(seconds=seq + 1),
                    )
                )


def test_a_hull_is_judged_where_it_can_be(tmp_path, place):
    """Gone only where frames beside the place were judged uncorroded; the origin was 0.1 m off."""
    with closing(History(tmp_path, place=place)) as history:
        with history.transaction():
            sail(history, "aaa", THEN, 0.0, 5.0)
            sail(history, "bbb", NOW, 0.1, 3.0)
        DefectBook(history.database).catch_up()
        missions = MissionBook(history.database).missions(asset="hull")
        comparison = compare_missions(history, *missions, ("none", "mid", "late"))
    found = {
        (round(x_m, 1), -round(z_m)): change.kind.value
        for change in comparison.changes
        for x_m, _, z_m in [change.defect.in_space]
    }
    assert {(round(x_m * 2) / 2, depth): kind for (x_m, depth), kind in found.items()} == TRUTH
