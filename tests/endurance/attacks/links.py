"""Attacks over the broker: retained poison, forged receipts, rubbish, a broker that stands still."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING

from tests.endurance.attacks.rig import ROBOT, TOPICS, Attack, Rig, Succeeded, rig
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
    Attack("rubbish on every topic that a robot reads or writes", invented),
    Attack("a broker that stands still for 8 s, three times", broker_stands_still),
)
