"""Attacks over the broker: retained poison, forged receipts, rubbish, a broker that stands still."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING

from edge_node.spool.admin import SpoolAdmin
from tests.endurance.attacks.rig import ROBOT, TOPICS, Attack, Rig, Succeeded, rig
from tests.support.processes import daemon
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path


def poison_of_5(folder: Path) -> str:
    """Retain 70 kB on a command's topic; the robot has 20 kB/s and speaks MQTT 5."""
    return _poison(folder, "")


def poison_of_3_1_1(folder: Path) -> str:
    """The same over MQTT 3.1.1, which has no largest packet."""
    return _poison(folder, 'protocol = "3.1.1"')


def forged_receipt(folder: Path) -> str:
    """Retain receipts for far more than was sent, of every epoch that is seen, over a slow link."""
    with (
        rig(folder, mqtt='receipts_from = ["historian"]', fps=None) as robot,
        Proxy(robot.broker.port) as proxy,
    ):
        proxy.bytes_per_s = 30_000.0
        robot.configure(proxy.port)
        for _ in range(2):
            with robot.running():
                time.sleep(1.0)
                for epoch in {json.loads(payload)["id"].split(":")[1] for payload in robot.verdicts()}:
                    receipt = json.dumps({"epoch": epoch, "seq": 2**50}).encode()
                    robot.room.publish(f"{TOPICS.base}/receipt/historian", receipt, retain=True)
                time.sleep(2.0)
        proxy.bytes_per_s = None
        robot.run_for(3.0)
        return _nothing_missing(robot)


def old_receipt(folder: Path) -> str:
    """Retain receipts of an epoch that is over, and of odd consumers, in MQTT 3.1.1."""
    mqtt = 'protocol = "3.1.1"\nreceipts_from = ["historian"]'
    with rig(folder, mqtt=mqtt) as robot:
        robot.run_for(1.0)
        robot.configure(port=1)  # nobody hears what comes now
        with daemon(robot.config) as process:
            time.sleep(4.0)
            process.terminate()
            process.wait(30)
        with SpoolAdmin(robot.state / "spool.sqlite") as spool:
            report = spool.report()
        epochs = {json.loads(payload)["id"].split(":")[1] for payload in robot.verdicts()} | {report.epoch}
        for consumer in ("historian", "stranger", "his torian", "\u202e", "x" * 5000):
            for epoch in epochs:
                payload = json.dumps({"epoch": epoch, "seq": 2**50}).encode()
                robot.room.publish(f"{TOPICS.base}/receipt/{consumer}", payload, retain=True)
        robot.configure()
        robot.run_for(3.0)
        last = report.last_verdict
        if last is None or not any(
            f":{last.epoch}:{last.seq}" in str(payload) for payload in robot.verdicts()
        ):
            raise Succeeded(f"what waited never came: {last}")
        return _nothing_missing(robot)


def weak_broker(folder: Path) -> str:
    """Serve the robot by a broker that grants QoS 0 only and keeps nothing; the status says so."""
    with rig(folder, broker="max_qos 0\nretain_available false\n") as robot, robot.running():
        robot.must_go_on("at QoS 0")
        told = [json.loads(message.payload)["link_text"] for message in robot.room.of(TOPICS.status)]
        if not any("QoS 0" in text for text in told):
            raise Succeeded(f"the weaker promise is not said: {told[-1:]}")
        return f"said: {told[-1][:90]}"


def broker_comes_and_goes(folder: Path) -> str:
    """Restart the broker each second, twenty times; it forgets nothing itself."""
    with (
        rig(folder, broker=f"persistence true\npersistence_location {folder}/\nuser root\n") as robot,
        robot.running(),
    ):
        for _ in range(20):
            robot.broker.terminate()
            robot.broker.start()
            time.sleep(1.0)
        robot.must_go_on("after the broker came and went", 60.0)
        return _nothing_missing(robot)


def invented(folder: Path) -> str:
    """Publish rubbish on every topic that a robot reads or writes, retained and not."""
    with rig(folder) as robot, robot.running():
        rubbish = (b"", b"\x00" * 5000, b'{"seq": -1}', b"[" * 50_000, '"\u202e\x1b[2J"'.encode())
        for level in (
            "pose",
            "receipt/historian",
            "bundle/x",
            "status",
            "latest",
            "rsp",
            "finding",
            "checkpoint",
        ):
            for payload in rubbish:
                robot.room.publish(f"{TOPICS.base}/{level}", payload, retain=level == "pose")
        robot.must_go_on("after the rubbish")
        return "verdicts go on"


def broker_stands_still(folder: Path) -> str:
    """Stop the broker's process for eight seconds, three times."""
    with rig(folder) as robot, robot.running():
        for _ in range(3):
            os.kill(robot.broker.pid, signal.SIGSTOP)
            time.sleep(8.0)
            os.kill(robot.broker.pid, signal.SIGCONT)
            robot.must_go_on("after the broker stood still")
        return _nothing_missing(robot)


def _poison(folder: Path, mqtt: str) -> str:
    with rig(folder, mqtt=mqtt) as robot, Proxy(robot.broker.port) as proxy:
        for level in ("cmd/x", "cmd/pause"):
            robot.room.publish(f"{TOPICS.base}/{level}", b"x" * 70_000, retain=True)
        proxy.answers_bytes_per_s = 20_000.0
        robot.configure(proxy.port)
        with robot.running():
            connections, seen = proxy.connections, len(robot.verdicts())
            time.sleep(15.0)
            got = len(robot.verdicts()) - seen
            if proxy.connections > connections + 1 or got < 100:
                raise Succeeded(f"{proxy.connections} connections, {got} verdicts in 15 s")
        return f"{proxy.connections} connection, {got} verdicts in 15 s"


def _nothing_missing(robot: Rig) -> str:
    """Raise Succeeded unless every number of every epoch came."""

    def missing() -> list[str]:
        numbers: dict[str, set[int]] = {}
        for payload in robot.verdicts():
            _, epoch, _ = json.loads(payload)["id"].split(":")
            numbers.setdefault(epoch, set()).add(json.loads(payload)["seq"])
        return [
            f"{ROBOT}:{epoch}:{seq}"
            for epoch, seqs in numbers.items()
            for seq in sorted(set(range(1, max(seqs) + 1)) - seqs)
        ]

    deadline_s = time.monotonic() + 20
    while missing() and time.monotonic() < deadline_s:
        time.sleep(0.2)
    if lost := missing():
        raise Succeeded(f"{len(lost)} verdicts never came: {lost[:3]}")
    return f"{len(robot.verdicts())} verdicts, none missing"


ATTACKS = (
    Attack("70 kB retained on cmd/ over 20 kB/s, MQTT 5", poison_of_5),
    Attack("70 kB retained on cmd/ over 20 kB/s, MQTT 3.1.1", poison_of_3_1_1),
    Attack("a retained receipt for what was never sent", forged_receipt),
    Attack("retained receipts of an epoch that waits, and of odd consumers, 3.1.1", old_receipt),
    Attack("a broker with QoS 0 only that retains nothing", weak_broker),
    Attack("a broker that restarts each second", broker_comes_and_goes),
    Attack("rubbish on every topic that a robot reads or writes", invented),
    Attack("a broker that stands still for 8 s, three times", broker_stands_still),
)
