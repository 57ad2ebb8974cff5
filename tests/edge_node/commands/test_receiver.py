"""Commands over a real broker: carried out once, and answered."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from edge_node.clock_floor import ClockFloor
from edge_node.commands.audit_files import AuditFiles, read_audit
from edge_node.commands.audit_log import AuditLog
from edge_node.commands.executor import CommandExecutor
from edge_node.commands.receiver import CommandReceiver
from edge_node.commands.responses import CommandOutcome, ResponseWriter
from edge_node.config.delivery_sections import CommandsConfig, MqttConfig, SpoolConfig
from edge_node.delivery.publisher import Publisher
from edge_node.messages.command import Verb
from edge_node.messages.response import Result
from edge_node.mqtt.wake import Wake
from edge_node.spool.spool import Spool
from tests.support.collector import Collector
from tests.support.commands import TOPICS, incoming
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.commands.admission import AdmittedCommand


def test_commands_over_a_real_broker_are_carried_out_once_and_answered(mosquitto, tmp_path: Path) -> None:
    """From the control room to the robot and back: correlation, refusals as messages, no bug ends it."""
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    executed: list[AdmittedCommand] = []

    def done(admitted: AdmittedCommand) -> CommandOutcome:
        executed.append(admitted)
        return CommandOutcome(Result.DONE)

    def fail(admitted: AdmittedCommand) -> CommandOutcome:
        executed.append(admitted)
        raise RuntimeError("a bug in the robot")

    audit = AuditLog(AuditFiles(tmp_path / "audit"))
    responses = ResponseWriter(TOPICS, spool, audit)
    handlers = {Verb.PAUSE: done, Verb.RELOAD: fail, Verb.RESUME: done}
    executor = CommandExecutor(handlers, responses)
    receiver = CommandReceiver(
        *(CommandsConfig(), TOPICS),
        spool=spool,
        audit=audit,
        responses=responses,
        floor=ClockFloor(tmp_path),
        submit=executor.submit,
    )
    now = datetime.now(timezone.utc)
    times = {"issued_at": now.isoformat(), "expires_at": (now + timedelta(minutes=1)).isoformat()}
    with Collector(mosquitto.port) as room, audit:
        # Retained before the robot is there: it must not act on it when it comes.
        room.publish(f"{TOPICS.base}/cmd/resume", incoming(**times, id="retained-1").payload, retain=True)
        mqtt = MqttConfig(hostname="127.0.0.1", port=mosquitto.port)
        publisher = Publisher(mqtt, TOPICS, spool, Wake(), inboxes=[receiver])
        publisher.start()

        def received() -> list[tuple[str, str | None, str, bytes]]:
            documents = [(json.loads(m.payload), m.correlation) for m in room.of(TOPICS.response)]
            return [(d["verb"], d["command_id"], d["result"], c) for d, c in documents]

        def ask(verb: str, payload: bytes) -> None:
            before = len(received())
            room.publish(f"{TOPICS.base}/cmd/{verb}", payload, CorrelationData=b"\x01\xfe")
            wait_for(lambda: executor.look(0.0) or len(received()) > before, what="a response")

        wait_for(received, what="the retained one refused")
        ask("ping", incoming(**times, id="ping-0001").payload)
        ask("pause", incoming(**times, id="pause-001").payload)
        ask("pause", incoming(**times, id="pause-001").payload)
        ask("reload", incoming(**times, id="reload-01").payload)
        ask("shell", b"rm -rf /")
        ask("snapshot", incoming(**times, id="snap-0001").payload)
        ask("resume", incoming(**times, id="resume-01").payload)
        assert received() == [
            ("resume", None, "refused", b""),
            ("ping", "ping-0001", "done", b"\x01\xfe"),
            ("pause", "pause-001", "done", b"\x01\xfe"),
            ("pause", "pause-001", "refused", b"\x01\xfe"),
            ("reload", "reload-01", "failed", b"\x01\xfe"),
            ("unknown", None, "refused", b"\x01\xfe"),
            ("snapshot", "snap-0001", "refused", b"\x01\xfe"),
            ("resume", "resume-01", "done", b"\x01\xfe"),
        ]
        assert [admitted.verb for admitted in executed] == [Verb.PAUSE, Verb.RELOAD, Verb.RESUME]
        publisher.stop()
    audited = [(entry.event, entry.command_id, entry.code) for entry in read_audit(tmp_path / "audit")]
    assert audited == [
        ("refused", None, "retained"),
        *(("taken", "ping-0001", None), ("answered", "ping-0001", "pong")),
        *(("taken", "pause-001", None), ("answered", "pause-001", "ok")),
        ("refused", "pause-001", "repeated"),
        *(("taken", "reload-01", None), ("answered", "reload-01", "internal")),
        ("refused", None, "unknown_verb"),
        *(("taken", "snap-0001", None), ("answered", "snap-0001", "unsupported")),
        *(("taken", "resume-01", None), ("answered", "resume-01", "ok")),
    ]
    spool.close()
