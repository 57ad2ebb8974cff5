"""The audit on the command line."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.cli.control_room import room_audit
from edge_node.control_room.deeds import AuditEntry, Deed
from edge_node.control_room.history.history import History

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_audit_is_printed_oldest_first_for_people_and_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside a running room; a name that would move the cursor is shown escaped."""
    history = History(tmp_path)
    for user, action in (("ada", Deed.LOGIN), ("e\x1b[2Jve", Deed.COMMAND)):
        history.add_audit_entry(
            AuditEntry(
                at=datetime(2026, 11, 30, 12, tzinfo=timezone.utc),
                user=user,
                role="operator",
                origin="login",
                address="10.0.0.1",
                action=action,
                subject="quay/crawler-1" if action is Deed.COMMAND else "",
                text="pause",
            )
        )
    parser = argparse.ArgumentParser()
    room_audit.add_arguments(parser)
    given = ["--state-dir", str(tmp_path)]
    args = parser.parse_args(given, argparse.Namespace(config=None, state_dir=None))
    assert room_audit.run(args) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "2026-11-30 12:00:00Z  ada (operator, login) from 10.0.0.1  login done: pause"
    assert "\x1b" not in second
    assert second.endswith("command quay/crawler-1 done: pause")
    args = parser.parse_args(
        [*given, "--json", "--action", "login"], argparse.Namespace(config=None, state_dir=None)
    )
    assert room_audit.run(args) == 0
    assert json.loads(capsys.readouterr().out)["user"] == "ada"
    history.close()
