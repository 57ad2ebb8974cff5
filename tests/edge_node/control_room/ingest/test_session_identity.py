"""The control room's session at the broker: a lost one is told of."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from edge_node.config.delivery_sections import MqttConfig
from edge_node.control_room.ingest.decoding import filters
from edge_node.control_room.ingest.session_identity import NAME, client_id
from tests.support.control_room import ControlRoom

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import Mosquitto


def test_a_broker_that_forgot_the_session_is_told_of(tmp_path: Path, broker: Mosquitto) -> None:
    """What was queued is lost then: a person must know, and the gaps show what is missing."""
    with ControlRoom(tmp_path, broker.port) as room:
        room.stop()
        broker.kill()
        for file in tmp_path.glob("mosquitto.db*"):
            file.unlink()
        broker.start()
        room.start()
        (notice,) = room.state()["link"]["notices"]
        assert "no session of ours any more" in notice


def test_an_upgrade_keeps_the_session_and_another_site_does_not(tmp_path: Path) -> None:
    """What the broker queued while the room was replaced by its next version arrives."""
    leaves = ("verdict", "finding", "status", "health", "rsp", "evidence/+")  # of versions 0.5.0 to 0.7.0
    where = "h:1883 " + " ".join(f"corrosion/v1/+/+/{leaf}" for leaf in leaves)
    old = {"client_id": "room-7", "subscribed": hashlib.sha256(where.encode()).hexdigest(), "was_used": True}
    (tmp_path / NAME).write_text(json.dumps(old), encoding="utf-8")
    config = MqttConfig(hostname="h", port=1883)
    kept = client_id(tmp_path, config, filters(site="+"))
    assert (kept.client_id, kept.was_used) == ("room-7", True)
    assert client_id(tmp_path, config, filters(site="quay")).client_id != "room-7"


def test_a_given_client_id_leaves_what_it_was_subscribed_to(tmp_path: Path) -> None:
    """A session that is kept goes on with the filters of another site or group, until it unsubscribes."""
    config = MqttConfig(hostname="h", port=1883, client_id="hall-1")
    first = client_id(tmp_path, config, ("$share/hall/a/+", "b"))
    assert (first.used().left, first.left) == ((), ())
    other = client_id(tmp_path, config, ("$share/hall/a/quay", "b"))
    assert (other.client_id, other.left) == ("hall-1", ("$share/hall/a/+",))
    # A process that was killed before it connected has not unsubscribed.
    again = client_id(tmp_path, config, ("$share/hall/a/quay", "b"))
    assert again.left == other.left
    again.used()
    kept = client_id(tmp_path, config, ("$share/hall/a/quay", "b"))
    assert (kept.left, kept.was_used) == ((), True)
