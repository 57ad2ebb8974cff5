"""Commands from the page as the history keeps them: what is known now, also of answers that came late."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from edge_node.control_room.history.commands.command_log import CommandLog, CommandState, SentCommand
from edge_node.control_room.history.history import History
from edge_node.messages.response import Response, Result

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime.now(timezone.utc).replace(microsecond=0)


def sent(number: int, **fields) -> SentCommand:
    """A command of Anna's to one robot."""
    given = {"verb": "pause", "asked_by": "anna", "asked_at": NOW, "changed_at": NOW, **fields}
    return SentCommand(command_id=f"command-{number}", site="quay", robot="crawler-1", **given)


def test_a_late_answer_is_found_and_silence_expires(tmp_path: Path) -> None:
    """The robot's text and our time stand with its command; not another robot's; an old one expires."""
    with closing(History(tmp_path)) as history:
        log = CommandLog(history.database)
        old = {"changed_at": NOW - timedelta(seconds=61)}
        begun = sent(4, verb="reload", state=CommandState.ACCEPTED, **old)
        for one in (sent(1), sent(2, **old), sent(3, verb="reload"), begun):
            assert log.add(one) is None
        for seq, (robot, number, result) in enumerate(
            (
                ("crawler-1", 1, Result.FAILED),
                ("crawler-2", 2, Result.DONE),
                ("crawler-1", 3, Result.ACCEPTED),
                ("crawler-1", 3, Result.DONE),
            ),
            1,
        ):
            answer = Response(
                id=f"{robot}:epoch:r{seq}",
                seq=seq,
                site="quay",
                robot=robot,
                at=NOW - timedelta(days=9000),  # by the robot's clock
                verb="pause",
                command_id=f"command-{number}",
                result=result,
                code="code",
                text=f"answer {seq}",
            )
            history.add_response(answer, received_at=NOW + timedelta(seconds=seq))
        found = {one.command_id: one for one in log.commands("quay", "crawler-1")}
    assert list(found) == ["command-4", "command-3", "command-2", "command-1"]
    assert (found["command-1"].state, found["command-1"].text) == (CommandState.FAILED, "answer 1")
    assert found["command-1"].changed_at == NOW + timedelta(seconds=1)
    texts = "the robot never answered; nothing", "the robot began and told no end; nothing"
    for name, text in zip(("command-2", "command-4"), texts, strict=True):
        assert (found[name].state, found[name].text) == (CommandState.EXPIRED, f"{text} comes of it now")
    assert (found["command-3"].state, found["command-3"].text) == (CommandState.DONE, "answer 4")


def test_a_command_waits_for_another_persons(tmp_path: Path) -> None:
    """While one is open the second is not kept; once it has ended, it is; other verbs never wait."""
    with closing(History(tmp_path)) as history:
        log, alone = CommandLog(history.database, lifetime_s=3600.0), frozenset({"pause", "resume"})
        log.add(sent(1), unless_open=alone)
        assert log.add(sent(2, verb="resume"), unless_open=alone) == sent(1)
        assert log.add(sent(3, verb="ping")) is None
        log.set_state(replace(sent(1), state=CommandState.DONE))
        assert log.add(sent(4, verb="resume"), unless_open=alone) is None
        assert [one.command_id for one in log.commands(limit=9)] == ["command-4", "command-3", "command-1"]


def test_the_newest_are_kept(tmp_path: Path, monkeypatch) -> None:
    """Beyond the bound the oldest are deleted."""
    monkeypatch.setattr("edge_node.control_room.history.commands.command_log.MAX_KEPT", 3)
    with closing(History(tmp_path)) as history:
        log = CommandLog(history.database)
        for number in range(5):
            log.add(sent(number))
        assert [one.command_id for one in log.commands()] == ["command-4", "command-3", "command-2"]
