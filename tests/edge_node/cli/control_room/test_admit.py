"""Robots that wait, on the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from edge_node.cli.control_room import admit, refuse
from edge_node.control_room.history.history import History
from edge_node.errors import ConfigError
from tests.support.verdicts import START

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


def call(module: ModuleType, folder: Path, *robots: str) -> int:
    """Run one of the commands."""
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    given = [*robots, "--state-dir", str(folder)]
    return module.run(parser.parse_args(given, argparse.Namespace(config=None, state_dir=None)))


def test_robots_are_listed_admitted_and_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each decision is in the audit; a name that no robot has changes nothing."""
    history = History(tmp_path)
    assert call(admit, tmp_path) == 0
    assert capsys.readouterr().out == "no robot waits\n"
    history.note_waiting("quay", "ghost", 7, START)
    call(admit, tmp_path)
    assert capsys.readouterr().out == "quay/ghost  waiting  7 messages, last 2026-03-01 12:00:00Z\n"
    with pytest.raises(ConfigError, match="'quay': wanted SITE/ROBOT"):
        call(admit, tmp_path, "quay/ghost", "quay")
    assert [robot.state for robot in history.quarantined()] == ["waiting"]
    assert call(admit, tmp_path, "quay/ghost") == call(refuse, tmp_path, "quay/other") == 0
    assert {robot.robot: robot.state for robot in history.quarantined()} == {
        "ghost": "admitted",
        "other": "refused",
    }
    deeds = [(entry.action.value, entry.subject, entry.text) for entry in history.audit_entries(limit=5)]
    assert deeds == [("admit", "quay/other", "refuse"), ("admit", "quay/ghost", "admit")]
    history.close()
