"""A mission report says up to which number its record is proved."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.report.mission import Selection, collect_mission
from edge_node.control_room.report.mission_csv import render_mission_csv
from edge_node.control_room.report.report_text import describe_coverage
from edge_node.record.proof import ProofState
from tests.support.records import RobotRecord, forged
from tests.support.signed_records import fed, keys_of

if TYPE_CHECKING:
    from pathlib import Path

WHO = Selection("quay", "crawler-1")


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> RobotRecord:
    """One start with 6 verdicts."""
    made = RobotRecord(tmp_path_factory.mktemp("robot"))
    made.run(6)
    return made


def test_a_report_says_that_its_record_is_proved(record: RobotRecord, tmp_path: Path) -> None:
    """In the coverage, in the table and in JSON."""
    (epoch,) = record.epochs
    with fed(tmp_path, [record.lines()], keys_of(record.public)) as history:
        mission = collect_mission(history, WHO)
    assert dict(describe_coverage(mission))["Record"] == (
        f"proved: signed by the robot up to number 6 of epoch {epoch}"
    )
    (row,) = csv.DictReader(io.StringIO(render_mission_csv(mission)))
    assert (row["record"], row["record_proved_up_to"]) == ("proved", f"{epoch}:6")


def test_a_report_says_what_is_not_proved(record: RobotRecord, tmp_path: Path) -> None:
    """Without a key, and with a verdict that was exchanged: where, and both under one id."""
    (epoch,) = record.epochs
    with fed(tmp_path / "a", [record.lines()]) as history:
        mission = collect_mission(history, WHO)
        assert mission.record.state is ProofState.UNPROVED
        assert "no signature that this room can check reaches it" in mission.record.sentences[0]
    true = record.verdicts[epoch, 3]
    lines = [forged(true, outcome="corroded") if line == true else line for line in record.lines()]
    with fed(tmp_path / "b", [[*lines, true]], keys_of(record.public)) as history:
        mission = collect_mission(history, WHO)
        facts = dict(describe_coverage(mission))
        assert "broken: number 4 names" in facts["Record"]
        assert facts["Two with one id"].startswith("1 came with the id")
        row = json.loads(json.dumps(next(csv.DictReader(io.StringIO(render_mission_csv(mission))))))
        assert (row["record"], row["verdicts_in_conflict"]) == ("broken", "1")
