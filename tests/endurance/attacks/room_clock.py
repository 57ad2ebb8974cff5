"""Attacks on the control room's record by its own clock: what age deletes cannot be had again."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.history import History
from tests.endurance.attacks.commands import find_faketime
from tests.endurance.attacks.rig import Attack, Succeeded
from tests.support.control_room import ControlRoom
from tests.support.processes import Mosquitto
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path

VERDICTS = 2000
RUNS_S = 70.0  # the room looks once a minute what is too old


def wrong_clock(folder: Path) -> str:
    """Run the room for a minute with its clock wrong by so many days, then with the right one."""
    library = find_faketime()
    broker = Mosquitto(folder)
    broker.start()
    try:
        room = ControlRoom(folder, broker.port, room={"days": 30})
        with closing(History(room.folder)) as history, history.transaction():
            now = datetime.now(timezone.utc)
            for seq in range(1, VERDICTS + 1):
                at = now - timedelta(seconds=VERDICTS - seq)
                history.add_verdict(verdict(seq, "U", observed_at=at), received_at=at)
        for offset in ("+400d", "-400d", "+0"):
            with pytest.MonkeyPatch.context() as environment:
                environment.setenv("LD_PRELOAD", library)
                environment.setenv("FAKETIME", offset)
                environment.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                room.start()
            time.sleep(RUNS_S)
            notices = room.state()["link"]["notices"]
            room.stop()
            left = count_left(room.folder)
            if left < VERDICTS:
                raise Succeeded(f"clock {offset}: {left} of {VERDICTS} verdicts are left")
            if offset != "+0" and not any("clock" in text for text in notices):
                raise Succeeded(f"clock {offset}: nobody is told, {notices}")
    finally:
        broker.terminate()
    return f"{VERDICTS} of {VERDICTS} verdicts are left, and the page said what was wrong"


def count_left(folder: Path) -> int:
    """Count the verdicts of a room's history."""
    with closing(History(folder, read_only=True)) as history:
        return history.count_verdicts()


ATTACKS = (Attack("room: a clock that is wrong by 400 days for a minute", wrong_clock),)
