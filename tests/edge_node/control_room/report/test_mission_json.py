"""A mission report as JSON holds what the table holds, with types."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from edge_node.control_room.report.mission import collect_mission
from edge_node.control_room.report.mission_json import render_mission_json
from tests.support.missions import WHO, finding, review
from tests.support.room_records import review as claimed
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path


def test_a_claim_stands_beside_the_review(tmp_path: Path) -> None:
    """What a person said here, and what the robot says that another said; numbers are numbers."""
    with closing(History(tmp_path)) as history:
        for seq in range(1, 9):
            history.add_verdict(verdict(seq, "C"))
        history.add_finding(finding(5))
        review(history, origin="login")
        claim = claimed("claim", finding_id="crawler-1:epoch:f5", reviewer="Alice", origin="robot")
        history.learn_review(claim)
        found = json.loads(render_mission_json(collect_mission(history, WHO)))
    (row,) = found["findings"]
    assert (row["reviewed_by"], row["review_origin"], row["robot_claims_by"]) == ("Anna", "login", "Alice")
    assert found["mission"]["frames_corroded"] == 8
    assert found["record"]["conflicts"] == 0
