"""A room of real processes: two that store, two that serve the page, one PostgreSQL, one mosquitto."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from edge_node.messages.status import Presence, Status
from edge_node.messages.verdict import encode
from tests.support.alert_receivers import Webhook
from tests.support.collector import Collector
from tests.support.ingest_room import robot_verdict
from tests.support.processes import Mosquitto, wait_for
from tests.support.room_records import finding
from tests.support.shared_room import SharedRoom

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace

BASE = "corrosion/v1/quay/crawler-1"
COUNT = 60


SINCE = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)


def status(presence: Presence) -> bytes:
    """A robot's status."""
    return encode(Status(site="quay", robot="crawler-1", presence=presence, since=SINCE))


def found(number: int) -> bytes:
    """A finding that a robot sees now."""
    now = datetime.now(timezone.utc)
    given = {"id": f"crawler-1:epoch:f{number}", "peak_severity": "late", "material": f"steel-{number}"}
    return encode(finding(**given, first_observed_at=now, last_observed_at=now))


def write_alerts(folder: Path, webhook: Webhook) -> dict[str, Any]:
    """Write the file of channels, and return the section with a rule."""
    path = folder / "channels.toml"
    path.write_text(f'duty = "{webhook.url}"\n', encoding="utf-8")
    path.chmod(0o600)
    rules = {"rust": {"when": "finding", "cooldown_s": 0.0}}
    return {"channels_file": str(path), "gather_s": 0.0, "rules": rules}


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """Where alerts go."""
    made = Webhook()
    yield made
    made.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that runs."""
    made = Mosquitto(tmp_path)
    made.start()
    yield made
    made.kill()


def test_processes_of_one_room_share_its_work_and_take_over_from_one_that_dies(
    tmp_path: Path, broker: Mosquitto, postgres_place: DatabasePlace, webhook: Webhook
) -> None:
    """Verdicts are shared out, states are read by one, receipts name what all stored, pages show the same.

    The retained status of a robot that said nothing since is there; when the process that read it is killed,
    the other one reads the next, and tells of what is new and of nothing twice.
    """
    with Collector(broker.port, f"{BASE}/receipt/+", client_id="crawler-1") as robot:
        robot.publish(f"{BASE}/status", status(Presence.ONLINE), retain=True)
        given = {"webs": 2, "room": {"receipts_as": "room"}, "alerts": write_alerts(tmp_path, webhook)}
        with SharedRoom(tmp_path, broker.port, postgres_place.url, **given) as room:
            for number in range(1, COUNT + 1):
                robot.publish(f"{BASE}/verdict", robot_verdict("crawler-1", number))
            for web in room.webs:
                wait_for(
                    lambda web=web: web.ask("/api/verdicts?limit=1")[1]["total"] == COUNT, 20, "verdicts"
                )
                wait_for(lambda web=web: presence(web) == "online", 20, "the retained status")
            wait_for(
                lambda: COUNT in [json.loads(one.payload)["seq"] for one in robot.messages], 20, "receipt"
            )
            assert [message.topic for message in robot.messages] == [f"{BASE}/receipt/room"] * len(
                robot.messages
            )
            shares = [count_verdicts(process.ask("/metrics")[1]) for process in room.ingests]
            assert sum(shares) == COUNT
            assert min(shares) > 0
            # A file that one web process makes is unknown to the other, which says so.
            order = {"kind": "csv", "report": {"site": "quay", "robot": "crawler-1"}}
            made = room.webs[0].ask("/api/jobs", "POST", json.dumps(order).encode())
            assert made[0] in (200, 201, 202), made
            assert room.webs[0].ask(f"/api/jobs/{made[1]['id']}")[0] == 200
            assert room.webs[1].ask(f"/api/jobs/{made[1]['id']}")[0] == 421

            robot.publish(f"{BASE}/finding", found(1))
            wait_for(lambda: webhook.got, 60, "the first alert")
            tells = [process for process in room.ingests if "history_readable" in process.ask("/metrics")[1]]
            assert len(tells) == 1  # the one that does the upkeep
            tells[0].kill()
            robot.publish(f"{BASE}/status", status(Presence.OFFLINE), retain=True)
            wait_for(lambda: presence(room.webs[1]) == "offline", 60, "the other process's upkeep")
            for number in (2, 3):  # the broker keeps one of them for the member that is away
                robot.publish(f"{BASE}/finding", found(number))
            wait_for(lambda: len(webhook.got) > 1, 60, "the second alert")
            told = " ".join(got["message"] for got in webhook.got)
            assert [told.count(f"late corrosion of steel-{number}") for number in (1, 2, 3)] in (
                [1, 1, 0],
                [1, 0, 1],
            )
            assert [process.stop() for process in room.processes if process is not tells[0]] == [0, 0, 0]


def presence(web) -> str | None:
    """What a page shows of the robot."""
    robots = web.ask("/api/robots")[1]
    found = robots["robots"] if isinstance(robots, dict) else robots
    return (found[0].get("status") or {}).get("presence") if found else None


def count_verdicts(metrics: str) -> int:
    """The verdicts that a process stored."""
    lines = [line for line in metrics.splitlines() if line.startswith("corrosion_room_messages_total{")]
    return round(sum(float(line.split()[-1]) for line in lines if 'kind="verdict"' in line))
