"""The control room's session at the broker: a lost one is told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
