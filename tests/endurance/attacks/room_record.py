"""Attacks on the record that a control room keeps: forged people, exchanged verdicts, borrowed keys."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.messages.checkpoint import Checkpoint, seal
from edge_node.messages.verdict import encode
from edge_node.signing import Signer, make_key_pair
from tests.endurance.attacks.rig import Attack, Succeeded
from tests.endurance.attacks.room import RoomRig, room_rig
from tests.support.collector import Collector
from tests.support.missions import SHA256, finding
from tests.support.processes import wait_for
from tests.support.records import TOPICS, RobotRecord, forged
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def forge_review(folder: Path) -> str:
    """Say as a robot that a person reviewed a finding, though nobody asked for it."""
    with room_rig(folder) as rig, Collector(rig.broker.port, "nothing", client_id="crawler-1") as robot:
        found = finding(5, best_evidence_sha256=SHA256)
        robot.publish(TOPICS.verdict, encode(verdict(6, "C", evidence_sha256=SHA256)))
        robot.publish(TOPICS.finding, encode(found))
        data = {"subject": found.id, "judgement": "disputed", "by": "Alice (inspector)"}
        data |= {"outcome": "uncorroded", "material": "aluminium", "evidence_sha256": SHA256}
        for number in range(1, 31):
            robot.publish(TOPICS.response, _response(number, data))
        address = f"/api/findings/quay/{found.id}"
        wait_for(lambda: rig.room.request(address)[0] == 200, what="the finding")
        wait_for(lambda: len(rig.room.ask(address)["reviews"]) == 20, what="claims")
        shown = rig.room.ask(address)
        if shown["review"] is not None or {one["origin"] for one in shown["reviews"]} != {"robot"}:
            raise Succeeded(f"the page shows it as a person's: {shown['review']}")
        status, _, body = rig.room.request("/api/dataset.zip")
        if status == 200:
            raise Succeeded("it labels a picture of the next training set")
        if "only a robot says" not in json.loads(body)["problem"]:
            raise Succeeded(f"the export does not say why it is left out: {body[:200]!r}")
        table = rig.room.request("/api/report.csv?site=quay&robot=crawler-1")[2].decode()
        if "not reviewed" not in table:
            raise Succeeded("the report counts it as a review")
    return "30 forged reviews are shown as the robot's claims, label nothing and count as no review"


def exchange_verdicts(folder: Path) -> str:
    """Change a verdict, take out a link, take out a verdict, and repeat an older checkpoint."""
    made = RobotRecord(folder)
    made.run(12)
    made.run(8)
    first, second = made.epochs
    changed, stripped, gone = (made.verdicts[key] for key in ((first, 5), (first, 9), (second, 3)))
    link = stripped.index(b',"previous_sha256":')
    lines = {changed: forged(changed, outcome="corroded"), stripped: stripped[:link] + b"}", gone: b""}
    with room_rig(folder, robots={"keys": [str(made.public)]}) as rig:
        _publish(rig, [new for line in made.lines() if (new := lines.get(line, line))])
        _publish(rig, made.checkpoints[:1])
        _wait_for_verdicts(rig, len(made.verdicts) - 1)
        (found,) = rig.room.ask("/api/record")["robots"]
        broken = {one["seq"] for epoch in found["epochs"] for one in epoch["breaks"]}
        unnamed = [tuple(gap) for epoch in found["epochs"] for gap in epoch["missing_unnamed"]]
        proved = {epoch["epoch"]: (epoch["proved_from"], epoch["proved_to"]) for epoch in found["epochs"]}
        if found["state"] != "broken" or not {6, 9, 10} <= broken:
            raise Succeeded(f"{found['state']}, breaks at {sorted(broken)}")
        if unnamed != [(3, 3)]:
            raise Succeeded(f"what was taken out is not told: {unnamed}")
        if proved != {second: (4, 8), first: (10, 12)}:
            raise Succeeded(f"more is called proved than is: {proved}")
        table = rig.room.request("/api/report.csv?site=quay&robot=crawler-1")[2].decode()
        if "broken" not in table:
            raise Succeeded("the report does not say so")
    return f"broken at {sorted(broken)} with both hashes, 1 verdict missing without a name; report says so"


def two_histories(folder: Path) -> str:
    """Say other verdicts under ids that are known, as a copied state folder or a second robot does."""
    made = RobotRecord(folder)
    made.run(10)
    others = [forged(line, outcome="corroded") for line in list(made.verdicts.values())[4:8]]
    with room_rig(folder, robots={"keys": [str(made.public)]}) as rig:
        _publish(rig, made.lines())
        _publish(rig, others)
        wait_for(lambda: len(rig.room.ask("/api/conflicts")["conflicts"]) == 4, what="conflicts")
        (found,) = rig.room.ask("/api/record")["robots"]
        if (found["state"], found["proved_to"]) != ("proved", 10):
            raise Succeeded(f"what came later took the proof away: {found['sentence']}")
        row = rig.room.request("/api/report.csv?site=quay&robot=crawler-1")[2].decode()
        if not row.rstrip().endswith(",4"):
            raise Succeeded("the report does not count them")
    return "4 verdicts under known ids are kept apart and counted; the first ones stay proved"


def borrow_key(folder: Path) -> str:
    """Sign a robot's checkpoints with the key of another robot of the same fleet."""
    made = RobotRecord(folder)
    made.run(6)
    make_key_pair(folder / "other.pem")
    other, own = Signer(folder / "other.pem"), str(made.public)
    keys_of = {"quay/crawler-1": [own], "quay/crawler-2": [str(folder / "other.public.pem")]}
    said = msgspec.json.decode(made.checkpoints[-1], type=Checkpoint)
    lines = []
    for key_id in (other.key_id.hex(), said.key_id):
        changed = msgspec.structs.replace(said, signature="", key_id=key_id)
        lines.append(seal(changed, other.sign_checkpoint))
    with room_rig(folder, robots={"keys_of": keys_of}) as rig:
        _publish(rig, [*made.verdicts.values(), *lines])
        _wait_for_verdicts(rig, 6)
        wait_for(lambda: sum(one["count"] for one in rig.room.state()["refused"]) == 2, what="refusals")
        (found,) = rig.room.ask("/api/record")["robots"]
        if found["state"] != "unproved":
            raise Succeeded(f"another robot's key proves it: {found['sentence']}")
    return "refused and counted; the record stays unbroken and not proved"


def _response(number: int, data: dict[str, Any]) -> bytes:
    names = {"id": f"crawler-1:epoch:response:{number}", "seq": number, "site": "quay", "robot": "crawler-1"}
    ending = {"verb": "review", "result": "done", "code": "recorded", "text": "recorded"}
    at = f"2026-03-02T08:00:{number:02}Z"
    said = {"schema": "corrosion/v1", **names, "at": at, **ending, "command_id": f"forged-{number:04}"}
    return json.dumps({**said, "data": data}).encode()


def _publish(rig: RoomRig, lines: Iterable[bytes]) -> None:
    with Collector(rig.broker.port, "nothing", client_id="crawler-1") as robot:
        for line in lines:
            leaf = "checkpoint" if b'"last_seq":' in line else "verdict"
            robot.publish(f"{TOPICS.base}/{leaf}", line)
        time.sleep(0.2)


def _wait_for_verdicts(rig: RoomRig, count: int) -> None:
    wait_for(lambda: rig.count_stored() >= count, what="verdicts")


ATTACKS = (
    Attack("room: a robot says that a person reviewed", forge_review),
    Attack("room: verdicts changed, taken out and unlinked", exchange_verdicts),
    Attack("room: two histories under one id", two_histories),
    Attack("room: a robot signs with another robot's key", borrow_key),
)
