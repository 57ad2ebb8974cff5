"""The audit's own thread: a command waits for its line on the disk, and no other thread of the robot does."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import datetime, timedelta, timezone

import pytest

from edge_node.clock_floor import ClockFloor
from edge_node.commands.audit_files import AuditFiles, read_audit
from edge_node.commands.audit_log import AuditLog
from edge_node.commands.executor import CommandExecutor
from edge_node.commands.pause import PauseHandler, PauseSwitch
from edge_node.commands.receiver import CommandReceiver
from edge_node.commands.responses import CommandOutcome, ResponseWriter
from edge_node.config.delivery_sections import CommandsConfig, SpoolConfig
from edge_node.messages.command import Verb
from edge_node.messages.response import Result
from edge_node.messages.topics import Kind, Topics
from edge_node.mqtt.types import Incoming
from edge_node.spool.spool import Spool
from tests.support.processes import wait_for

TOPICS = Topics("site", "robot")
REVIEW = {"subject": "robot:epoch:f7", "judgement": "disputed", "by": "Anna"}
SLOW_S = 1.0
AT_ONCE_S = 0.3  # a busy machine, and far less than the disk takes


class Robot:
    """What a robot does with commands, with its threads' calls in the hand of the test."""

    def __init__(self, folder, max_waiting=100, **handlers):
        self.folder = folder / "audit"
        self.spool = Spool.open(folder / "spool.sqlite", SpoolConfig())
        self.audit = AuditLog(AuditFiles(self.folder), max_waiting)
        responses = ResponseWriter(TOPICS, self.spool, self.audit)
        self.pause = PauseSwitch()
        table = {Verb(name): handler for name, handler in handlers.items()}
        table[Verb.PAUSE] = PauseHandler(self.pause).handle
        self.executor = CommandExecutor(table, responses)
        self.receiver = CommandReceiver(
            *(CommandsConfig(), TOPICS),
            spool=self.spool,
            audit=self.audit,
            responses=responses,
            floor=ClockFloor(folder),
            submit=self.executor.submit,
        )

    def __enter__(self):
        self.audit.__enter__()
        return self

    def __exit__(self, *exception):
        self.audit.close()
        self.spool.close()

    def receive(self, verb, command_id, **arguments):
        """Do what the publisher's thread does with a command."""
        now = datetime.now(timezone.utc)
        command = {
            "schema": "corrosion/v1",
            "id": command_id,
            "issued_at": now.isoformat(),
            "expires_at": (now + timedelta(minutes=1)).isoformat(),
            **arguments,
        }
        payload = json.dumps(command).encode()
        self.receiver.take(Incoming(f"{TOPICS.base}/cmd/{verb}", payload, is_retained=False))

    def responses(self):
        """Return id, result and code of the responses so far, in order."""
        assert self.spool.flush(5)
        found = [json.loads(row.payload) for row in self.spool.rows(Kind.RESPONSE)]
        return [(one["command_id"], one["result"], one["code"]) for one in found]

    def audited(self):
        """Return event and id of the audit's entries."""
        return [(entry.event, entry.command_id) for entry in read_audit(self.folder)]


@pytest.fixture
def slow_disk(monkeypatch):
    """Make each ``os.fsync`` take a second, as an SD card that stalls does."""
    fsync = os.fsync

    def slow_fsync(number):
        time.sleep(SLOW_S)
        fsync(number)

    monkeypatch.setattr(os, "fsync", slow_fsync)


def timed(action, *arguments, **named):
    """Return how long a call took, in seconds."""
    began_s = time.monotonic()
    action(*arguments, **named)
    return time.monotonic() - began_s


def test_a_slow_disk_holds_neither_the_publishers_nor_the_main_thread(slow_disk, tmp_path):
    """Over several commands and refusals, each call in either thread returns at once; all are audited."""
    with Robot(tmp_path) as robot:
        publisher_s = [timed(robot.receive, "ping", "ping-0001"), timed(robot.receive, "shell", "shell-001")]
        publisher_s += [timed(robot.receive, "pause", f"pause-00{number}") for number in range(2)]
        publisher_s.append(timed(robot.receive, "pause", "pause-000"))  # repeated
        main_s = []
        wait_for(
            lambda: main_s.append(timed(robot.executor.look, 0.0)) or len(robot.responses()) == 5,
            30,
            "answers",
        )
        assert max(publisher_s) < AT_ONCE_S
        assert max(main_s) < AT_ONCE_S
        assert robot.pause.is_paused
        wait_for(lambda: len(robot.audited()) == 8, 30, "the audit")
    assert robot.audited()[:4] == [
        *(("taken", "ping-0001"), ("answered", "ping-0001")),
        *(("refused", None), ("taken", "pause-000")),
    ]
    assert robot.audited()[-1] == ("answered", "pause-001")


def test_a_command_is_on_the_disk_before_it_is_executed(slow_disk, tmp_path):
    """The handler finds the command's ``taken`` line in the file, synchronized, however slow the disk is."""
    found = []

    def look_into_the_audit(admitted):
        found.append(("taken", admitted.command.id) in robot.audited())
        return CommandOutcome(Result.DONE)

    with Robot(tmp_path, resume=look_into_the_audit) as robot:
        began_s = time.monotonic()
        robot.receive("resume", "resume-01")
        robot.executor.look(0.0)
        assert not found
        wait_for(lambda: robot.executor.look(0.0) or found, 20, "the command")
        assert time.monotonic() - began_s >= SLOW_S
    assert found == [True]


def test_commands_are_executed_and_answered_in_their_order(tmp_path):
    """Each is answered once, in the order in which they came, also where one is executed later."""
    ids = [f"pause-{number:03}" for number in range(10)]
    with Robot(tmp_path) as robot:
        for command_id in ids:
            robot.receive("pause", command_id)
        wait_for(lambda: robot.executor.look(0.0) or len(robot.responses()) == 10, 10, "answers")
        assert [command_id for command_id, *_ in robot.responses()] == ids
    events = [("taken", command_id) for command_id in ids] + [("answered", command_id) for command_id in ids]
    assert sorted(robot.audited()) == sorted(events)


def test_a_disk_that_takes_nothing_refuses_reviews_and_still_pauses(tmp_path, caplog):
    """A review changes nothing unless it is audited; a full disk is no reason not to pause."""
    (tmp_path / "audit").write_text("no folder")
    with Robot(tmp_path) as robot:
        robot.receive("review", "review-01", **REVIEW)
        robot.receive("pause", "pause-001")
        wait_for(lambda: robot.executor.look(0.0) or len(robot.responses()) == 2, 10, "answers")
        assert robot.responses() == [("review-01", "failed", "disk"), ("pause-001", "done", "ok")]
    assert "not in the audit" in caplog.text


def test_a_full_queue_is_a_disk_that_takes_nothing(tmp_path, monkeypatch, caplog):
    """Lines beyond the bound go into the log: memory is bounded while a disk hangs; pause still works."""
    may_go_on = threading.Event()
    fsync = os.fsync
    with Robot(tmp_path, max_waiting=2) as robot:
        monkeypatch.setattr(os, "fsync", lambda number: may_go_on.wait(30) and fsync(number))
        robot.receive("ping", "ping-0001")
        wait_for((tmp_path / "audit" / "commands.jsonl").exists, 5, "the first line")
        robot.receive("ping", "ping-0002")
        robot.receive("review", "review-01", **REVIEW)
        robot.receive("pause", "pause-001")
        robot.executor.look(0.0)
        assert robot.pause.is_paused
        may_go_on.set()
        expected = [("ping-0001", "done", "pong"), ("ping-0002", "done", "pong")]
        assert robot.responses()[:2] == expected
        assert ("review-01", "failed", "disk") in robot.responses()
    assert "the disk is too slow; this is not in the audit" in caplog.text


def test_closing_writes_what_waits(slow_disk, tmp_path):
    """Lines are on the disk when the log is closed; later ones go into the node's log."""
    files = AuditFiles(tmp_path / "audit")
    with AuditLog(files) as audit:
        audit.record(event="answered", verb="ping", command_id="ping-0001")
        audit.record(event="answered", verb="ping", command_id="ping-0002")
    written = [entry.command_id for entry in read_audit(tmp_path / "audit")]
    assert written == ["ping-0001", "ping-0002"]
    told = []
    audit.record_then(told.append, event="taken", verb="ping")
    assert told == [False]


def test_a_fault_at_one_line_does_not_end_the_audit(tmp_path, caplog):
    """Whatever writing a line or its callback raises is logged, and the lines after it are written."""

    class Faulty(AuditFiles):
        """Files of which the first line is too much."""

        def write(self, entry):
            """Write all but the first line."""
            if entry.command_id == "ping-0001":
                raise ValueError("no such line")
            return super().write(entry)

    written = []
    with AuditLog(Faulty(tmp_path / "audit")) as audit:
        audit.record_then(written.append, event="taken", verb="ping", command_id="ping-0001")
        audit.record_then(written.append, event="taken", verb="ping", command_id="ping-0002")
    assert written == [True]
    assert "no such line" in caplog.text
    assert [entry.command_id for entry in read_audit(tmp_path / "audit")] == ["ping-0002"]
