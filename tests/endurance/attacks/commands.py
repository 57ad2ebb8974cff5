"""Attacks by commands: forged, repeated, malformed, in floods, and after the clock was set back."""

from __future__ import annotations

import json
import shutil
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from edge_node.signing import load_signer, make_key_pair, signed_bytes
from tests.endurance.attacks.rig import TOPICS, Attack, CannotTry, Rig, Succeeded, rig
from tests.support.processes import wait_for

FAKETIME = "/usr/lib/{}-linux-gnu/faketime/libfaketime.so.1"


def forged(folder: Path) -> str:
    """Send a pause without a signature, with a stranger's, and with one for another robot's topic."""
    with rig(folder) as robot, robot.running():
        payload = robot.command()
        topic = f"{TOPICS.base}/cmd/pause"
        stranger = folder / "stranger.pem"
        make_key_pair(stranger)
        elsewhere = signed_bytes(topic.replace("crawler-1", "crawler-2"), payload)
        robot.send("pause", payload, signed=False)
        for signature in (load_signer(stranger)(signed_bytes(topic, payload)), robot.sign(elsewhere), "%%%"):
            robot.room.publish(topic, payload, UserProperty=[("signature", signature)])
        return _all_refused(robot, 4)


def untimely(folder: Path) -> str:
    """Send a signed pause that is expired, that lives too long, and one that the broker keeps.

    One of the future is none of these: a robot whose clock nobody sets believes its control room's.
    """
    with rig(folder) as robot:
        robot.send("pause", robot.command(), retain=True)  # before the robot comes
        with robot.running():
            now = datetime.now(timezone.utc)
            for begins_s, ends_s in ((-120, -60), (0, 86_400 * 300)):
                begins, ends = (now + timedelta(seconds=s) for s in (begins_s, ends_s))
                payload = robot.command(issued_at=begins.isoformat(), expires_at=ends.isoformat())
                robot.send("pause", payload)
            return _all_refused(robot, 3)


def malformed(folder: Path) -> str:
    """Send what no command is: rubbish, nesting, NaN, a key twice, 64 kB, other schemas, unknown verbs."""
    with rig(folder) as robot, robot.running():
        good = json.loads(robot.command())
        bad = [
            b"",
            b"\xff\xfe\x00",
            b"[" * 100_000,
            b"{}",
            robot.command(duration_s=float("nan")),
            json.dumps(good)[:-1].encode() + b', "id": "' + good["id"].encode() + b'"}',
            robot.command(note="x" * 64_000),
            robot.command(schema="corrosion/v9"),
            robot.command(run="reboot"),
            robot.command(duration_s=10**400),
        ]
        for payload in bad:
            robot.send("pause", payload)
            time.sleep(0.3)  # within the rate, so that each is read
        for verb in ("../pause", "shell", "reboot"):
            robot.send(verb, robot.command())
        return _all_refused(robot, 5)


def repeated(folder: Path) -> str:
    """Send the bytes of a command again: at once, after a restart, and after the clock went back over one."""
    # Only the wall clock is faked: a kernel's monotonic clock never goes back.
    later = {"LD_PRELOAD": find_faketime(), "FAKETIME": "+600", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with rig(folder) as robot:
        payload = robot.command()
        with robot.running():
            robot.send("pause", payload)
            _wait_for_answers(robot, 1)
            robot.send("pause", payload)
            _wait_for_answers(robot, 2)
        with robot.running(**later):
            moment = datetime.now(timezone.utc) + timedelta(seconds=600)
            ends = moment + timedelta(seconds=60)
            robot.send("ping", robot.command(issued_at=moment.isoformat(), expires_at=ends.isoformat()))
            _wait_for_answers(robot, 3)
        with robot.running():
            robot.send("pause", payload)
            _wait_for_answers(robot, 4)
        done = [answer for answer in robot.answers() if answer["verb"] == "pause" and _is_done(answer)]
        if len(done) != 1:
            raise Succeeded(f"one signed pause was carried out {len(done)} times")
        return "carried out once, two repeats refused"


def flood(folder: Path) -> str:
    """Send 20 unsigned or wrongly signed commands a second while the room sends six signed ones."""
    with rig(folder) as robot, robot.running():
        sent = 0
        for number in range(6):
            for index in range(20):
                payload = b"{}" if index % 2 else robot.command()
                signature = [("signature", "AAAA" * 22)] if index % 4 == 0 else []
                robot.room.publish(f"{TOPICS.base}/cmd/ping", payload, UserProperty=signature)
                sent += 1
                time.sleep(0.05)
            robot.send("ping", robot.command(id=f"signed-{number:04}"))
        wanted = {f"signed-{number:04}" for number in range(6)}
        time.sleep(2.0)
        answered = {answer["command_id"] for answer in robot.answers() if _is_done(answer)} & wanted
        if answered != wanted:
            raise Succeeded(f"{len(wanted - answered)} of 6 signed commands got no answer")
        robot.must_go_on("after the flood")
        return f"6 of 6 signed commands answered among {sent} others"


def find_faketime() -> str:
    """Return the library that fakes a process's wall clock."""
    for machine in ("x86_64", "aarch64"):
        if Path(FAKETIME.format(machine)).exists() and shutil.which("true"):
            return FAKETIME.format(machine)
    raise CannotTry("libfaketime is not installed (Debian: faketime)")


def _all_refused(robot: Rig, at_least: int) -> str:
    """Raise Succeeded if anything was carried out; a good command afterwards must be."""
    robot.must_go_on("after the commands")
    time.sleep(1.0)
    done = [answer for answer in robot.answers() if _is_done(answer)]
    if done:
        raise Succeeded(f"carried out: {done[0]}")
    refused = len(robot.answers())
    if refused < at_least:
        raise Succeeded(f"only {refused} refusals were told")
    deadline_s = time.monotonic() + 60
    while not any(_is_done(answer) for answer in robot.answers()):
        if time.monotonic() > deadline_s:
            raise Succeeded("a good command afterwards is not carried out")
        robot.send("ping", robot.command())
        time.sleep(2.0)
    return f"{refused} refusals told, none carried out, a good one afterwards is"


def _is_done(answer: dict[str, object]) -> bool:
    return answer["result"] == "done"


def _wait_for_answers(robot: Rig, count: int) -> None:
    wait_for(lambda: len(robot.answers()) >= count, 20, f"{count} answers")


ATTACKS = (
    Attack("forged commands: unsigned, a stranger's key, another robot's", forged),
    Attack("signed commands that are expired, too long-lived, retained", untimely),
    Attack("what no command is: rubbish, nesting, NaN, a key twice, 64 kB", malformed),
    Attack("a signed command again: at once, after a restart, clock back", repeated),
    Attack("a flood of unsigned commands against six signed ones", flood),
)
