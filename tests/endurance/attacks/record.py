"""Attacks on the record: kills at random moments, forged exports, an older version's state, another name."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.messages.topics import Topics
from edge_node.signing import Signer, make_key_pair
from tests.endurance.attacks.rig import ROBOT, SITE, TOPICS, Attack, Rig, Succeeded, rig
from tests.support.processes import command, daemon, wait_for

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

OLDER_SPOOL = Path("tests/edge_node/spool/older_spool.sql")
KILLS = 12


def killed_at_random(folder: Path) -> str:
    """Kill the robot at random moments of its start, of its first verdicts and of its checkpoints."""
    with _signing(folder) as robot:
        moments = random.Random(1)  # noqa: S311  repeatable
        for _ in range(KILLS):
            with daemon(robot.config):  # killed at the end of the block
                time.sleep(moments.uniform(0.2, 5.0))
        robot.run_for(2.0)
        time.sleep(1.0)
        lines = _lines(robot)
        found = _verify(robot, lines)
        if found.returncode:
            raise Succeeded(f"the record does not hold: {found.stdout[-500:]}")
        epochs = {json.loads(payload)["id"].split(":")[1] for payload in robot.verdicts()}
        return f"{KILLS} kills, {len(lines)} messages, {len(epochs)} epochs: whole and signed"


def forged_record(folder: Path) -> str:
    """Change a record of a robot that signs checkpoints in ten ways; each must be told."""
    with _signing(folder) as robot:
        for _ in range(3):
            robot.run_for(2.0)
        time.sleep(1.0)
        lines = _lines(robot)
        if (whole := _verify(robot, lines)).returncode:
            raise Succeeded(f"the genuine record is called wrong: {whole.stdout[-500:]}")
        stranger = folder / "stranger.pem"
        make_key_pair(stranger)
        forgeries = _forgeries(lines, Signer(stranger))
        for name, forge in forgeries.items():
            if not _verify(robot, forge()).returncode:
                raise Succeeded(f"not told: {name}")
        return f"{len(forgeries)} forgeries told, the genuine record of {len(lines)} lines holds"


def older_state(folder: Path) -> str:
    """Start on the spool of a version without chain and checkpoints; its rows arrive, under their ids."""
    with rig(folder) as robot:
        robot.state.mkdir(mode=0o700)
        spool = sqlite3.connect(robot.state / "spool.sqlite")
        spool.executescript(OLDER_SPOOL.read_text(encoding="ascii"))
        spool.close()
        with robot.running():
            seen = len(robot.verdicts())
            wait_for(lambda: len(robot.verdicts()) > seen + 5, 30, "verdicts")
        ids = [json.loads(payload)["id"] for payload in robot.verdicts()]
        older = [one for one in ids if "cb8f8456" in one]
        if [one.rsplit(":", 1)[1] for one in older] != ["3", "4", "5"]:
            raise Succeeded(f"of the older version's rows came {older}")
        first = next(
            verdict for payload in robot.verdicts() if "frame_id" in (verdict := json.loads(payload))
        )
        before = first["previous_epoch"]
        if before is None or (before["epoch"].split("-")[0], before["seq"]) != ("cb8f8456", 5):
            raise Succeeded(f"the first verdict names {before} as what came before it")
        return "three rows arrived, the first verdict names the older epoch with its last number"


def renamed(folder: Path) -> str:
    """Give the robot another name while verdicts wait: each arrives below the name that it gives."""
    with rig(folder) as robot:
        robot.configure(port=1)
        with daemon(robot.config) as process:
            time.sleep(6.0)
            process.terminate()
            process.wait(30)
        robot.configure()
        text = robot.config.read_text(encoding="utf-8").replace(f'"{ROBOT}"', f'"{ROBOT}_2"')
        robot.config.write_text(text, encoding="utf-8")
        now = Topics(SITE, f"{ROBOT}_2")
        with daemon(robot.config) as process:
            wait_for(lambda: len(robot.room.of(now.verdict)) > 5 and robot.verdicts(), 30, "verdicts")
            time.sleep(2.0)
            process.terminate()
            process.wait(30)
        for message in list(robot.room.messages):
            if message.topic.endswith(("/verdict", "/finding", "/rsp")):
                found = json.loads(message.payload)
                if f"/{found['site']}/{found['robot']}/" not in message.topic:
                    raise Succeeded(f"{message.topic} speaks of {found['robot']}")
        waited = [json.loads(payload)["seq"] for payload in robot.verdicts()]
        if waited != list(range(1, len(waited) + 1)):
            raise Succeeded(f"of those that waited came {waited}")
        return f"{len(waited)} that waited came below the former name, in order"


def _signing(folder: Path):
    key = folder / "robot.pem"
    make_key_pair(key)
    return rig(folder, node=f'signing_key_file = "{key}"')


def _lines(robot: Rig) -> list[bytes]:
    """The record as mosquitto_sub -v writes it."""
    topics = (TOPICS.verdict, f"{TOPICS.base}/checkpoint")
    return [
        f"{message.topic} ".encode() + message.payload
        for message in list(robot.room.messages)
        if message.topic in topics
    ]


def _verify(robot: Rig, lines: list[bytes]) -> subprocess.CompletedProcess[str]:
    file = robot.folder / "record.txt"
    file.write_bytes(b"\n".join(lines) + b"\n")
    key = str(robot.folder / "robot.public.pem")
    found = command("edge_node.cli", "spool", "verify", str(file), "--key", key)
    if "Traceback" in found.stderr:
        raise Succeeded(found.stderr[-300:])
    return found


def _forgeries(lines: list[bytes], stranger: Signer) -> dict[str, Callable[[], list[bytes]]]:
    verdicts = [at for at, line in enumerate(lines) if b"/verdict " in line]
    checkpoints = [at for at, line in enumerate(lines) if b"/checkpoint " in line]
    middle, last = verdicts[len(verdicts) // 2], checkpoints[-1]
    lost = json.loads(lines[middle].split(b" ", 1)[1])
    epoch = lost["id"].split(":")[1].encode()
    named = b'"given_up":[{"epoch":"%s","first":%d,"last":%d,"previous_sha256":null}]' % (
        *(epoch, lost["seq"], lost["seq"]),
    )

    def without(at: int) -> list[bytes]:
        return [line for number, line in enumerate(lines) if number != at]

    def replaced(at: int, line: bytes, *, of: list[bytes] = lines) -> list[bytes]:
        return [line if number == at else one for number, one in enumerate(of)]

    def excused(sign: Callable[[bytes], str] | None) -> list[bytes]:
        """The verdict is gone, and the last checkpoint says that the robot gave it up."""
        head, _, seal = lines[last].replace(b'"given_up":[]', named).partition(b',"signature":"')
        body = head.split(b" ", 1)[1]
        signature = sign(body).encode() if sign else seal.removesuffix(b'"}')
        changed = head + b',"signature":"' + signature + b'"}'
        return [changed if one == lines[last] else one for one in without(middle)]

    return {
        "a byte of a verdict": lambda: replaced(
            middle, lines[middle].replace(b'"outcome":"', b'"outcome":"x')
        ),
        "a verdict is gone": lambda: without(middle),
        "gone, and excused under the old signature": lambda: excused(None),
        "gone, and excused by a stranger": lambda: excused(stranger.sign_checkpoint),
        "an epoch is gone": lambda: [line for line in lines if epoch not in line],
        "every checkpoint is gone": lambda: [line for line in lines if b"/checkpoint " not in line],
        "two contents of one number": lambda: [*lines, lines[middle] + b" "],
        "another robot's topic": lambda: replaced(
            middle, lines[middle].replace(b"/crawler-1/", b"/crawler-2/")
        ),
        "a verdict that no chain reaches": lambda: [
            *lines,
            lines[verdicts[-1]]
            .replace(b'"seq":%d' % _seq(lines[verdicts[-1]]), b'"seq":999999')
            .replace(b':%d"' % _seq(lines[verdicts[-1]]), b':999999"'),
        ],
        "a checkpoint whose signature is no signature": lambda: replaced(
            last, lines[last].rpartition(b'"signature":"')[0] + b'"signature":"\xc3\xa4"}'
        ),
    }


def _seq(line: bytes) -> int:
    return int(json.loads(line.split(b" ", 1)[1])["seq"])


ATTACKS = (
    Attack(f"{KILLS} kills at random moments of start, first verdict, checkpoint", killed_at_random),
    Attack("ten forgeries of a signed record", forged_record),
    Attack("the spool of an older version", older_state),
    Attack("another name while verdicts wait", renamed),
)
