"""Attacks on the control room's record by who sends most: floods of one robot, and robots that are none."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edge_node.messages.finding import FindingState
from edge_node.messages.verdict import encode
from tests.endurance.attacks.rig import Attack, Succeeded
from tests.endurance.attacks.room import RoomRig, room_rig
from tests.support.collector import Collector
from tests.support.processes import wait_for
from tests.support.room_records import finding
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path

_BOUND = 10_000_000
_VERDICTS = 1000
_FLOOD = 500
_LARGE = 60_000
_NAMES = 3000
_PATIENCE_S = 75.0  # in which the room looks at its bounds


def erase_the_record(folder: Path) -> str:
    """Send findings and verdicts of 60 kB under ever new ids, three times the bound of the history."""
    with room_rig(folder, room={"max_mb": 10}) as rig:
        rig.publish(1, _VERDICTS)
        with Collector(rig.broker.port, "nothing", client_id="evil") as client:
            for number in range(_FLOOD):
                if number % 2:
                    found = verdict(number, "C", robot="evil", id=f"evil:e:{number}", form="x" * _LARGE)
                    client.publish("corrosion/v1/quay/evil/verdict", encode(found))
                else:
                    _publish_finding(client, "evil", number, _LARGE)
        _wait_until_bounded(rig, f"/api/verdicts/evil:e:{_FLOOD - 1}")
        left = rig.room.ask("/api/verdicts?robot=crawler-1&limit=1")["total"]
        if left < _VERDICTS:
            raise Succeeded(f"{left} of {_VERDICTS} verdicts of another robot are left")
        return f"all {left} verdicts of the other robot are left, in {_size(rig) / 1e6:.1f} MB"


def open_findings_for_ever(folder: Path) -> str:
    """Open findings that are never closed, until they fill the bound."""
    with room_rig(folder, room={"max_mb": 10}) as rig:
        with Collector(rig.broker.port, "nothing", client_id="both") as client:
            _publish_finding(client, "crawler-1", 1, 100)
            for number in range(2 * _FLOOD):
                _publish_finding(client, "evil", number, _LARGE // 2)
        _wait_until_bounded(rig, f"/api/findings/quay/evil:e:f{2 * _FLOOD - 1}")
        ours = rig.room.ask("/api/findings?robot=crawler-1")["findings"]
        if not ours:
            raise Succeeded("another robot's finding is gone")
        if rig.room.request("/api/findings/quay/evil:e:f0")[0] != 404:
            raise Succeeded("the oldest open finding is still there")
        return f"the oldest went, the newest and another robot's are left, in {_size(rig) / 1e6:.1f} MB"


def invent_robots(folder: Path) -> str:
    """Speak under thousands of names and fifty sites; a robot that is known goes on."""
    with room_rig(folder, room={"max_robots": 50, "max_sites": 5}) as rig:
        rig.publish(1, 10)
        with Collector(rig.broker.port, "nothing", client_id="evil") as client:
            for number in range(_NAMES):
                site, name = f"site-{number % 50}", f"ghost-{number}"
                found = verdict(1, "U", robot=name, id=f"{name}:e:1")
                payload = encode(found).replace(b'"quay"', f'"{site}"'.encode())
                client.publish(f"corrosion/v1/{site}/{name}/verdict", payload)
        rig.publish(11, 20)
        wait_for(lambda: rig.room.ask("/api/verdicts?robot=crawler-1&limit=1")["total"] == 20, 20, "verdicts")
        robots = len(rig.room.ask("/api/robots")["robots"])
        size = len(rig.room.request("/api/state")[2])
        waiting = len(rig.room.ask("/api/quarantine")["robots"])
        if robots > 50 or size > 200_000 or waiting > 1000:
            raise Succeeded(f"{robots} robots, {waiting} that wait; /api/state has {size} bytes")
        return f"{robots} robots, {waiting} of {_NAMES} names wait; /api/state has {size} bytes"


ATTACKS = (
    Attack("room: one robot erases everybody's record", erase_the_record),
    Attack("room: open findings that are never closed", open_findings_for_ever),
    Attack("room: invented robots and sites", invent_robots),
)


def _publish_finding(client: Collector, robot: str, number: int, size: int) -> None:
    found = finding(
        id=f"{robot}:e:f{number}", robot=robot, state=FindingState.OPENED, form="x" * size, frames=number + 1
    )
    client.publish(f"corrosion/v1/quay/{robot}/finding", encode(found))


def _size(rig: RoomRig) -> int:
    return int(rig.room.ask("/api/usage")["usage"]["database_bytes"])


def _wait_until_bounded(rig: RoomRig, newest: str) -> None:
    """Wait until what was sent last is stored, at its address, and the history is within its bound."""
    wait_for(lambda: rig.room.request(newest)[0] == 200, 60, "what was sent last")
    end_s = time.monotonic() + _PATIENCE_S
    while _size(rig) > _BOUND:
        if time.monotonic() > end_s:
            raise Succeeded(f"the history has {_size(rig) / 1e6:.1f} MB of 10 that are allowed")
        time.sleep(0.5)
