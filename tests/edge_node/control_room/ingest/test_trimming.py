"""The history's bounds in time: no wrong clock deletes what cannot be had again."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import get_args

import pytest

from edge_node.clock import TimeQuality
from edge_node.control_room.history.history import History
from edge_node.control_room.ingest.trimming import HOLD_S, HistoryTrimmer
from edge_node.control_room.sections import RoomConfig
from tests.support.clocks import SetClock
from tests.support.verdicts import verdict

DAY = timedelta(days=1)


class Room:
    """A history of sixty days, four verdicts a day, on clocks that a test sets."""

    def __init__(self, folder) -> None:
        self.clock = SetClock()
        self.history = History(folder)
        self.folder = folder
        self.notices: list[str] = []
        self.start()
        self.floor.set_floor(self.clock.wall)
        with self.history.transaction():
            for number in range(240):
                at = self.clock.wall - (240 - number) * DAY / 4
                self.hear(number + 1, at)

    def start(self) -> None:
        """Start the trimming of a room, as after a restart."""
        self.floor = self.clock.floor(self.folder, hold_s=HOLD_S, trusted=frozenset(get_args(TimeQuality)))
        config = RoomConfig(state_dir=str(self.folder), days=30)
        self.trimmer = HistoryTrimmer(config, self.history, self.floor, self.notices.append)

    def hear(self, seq: int, observed_at, **fields) -> None:
        """Hear a verdict that a robot dates so, by this machine's clock or one that is wrong with it."""
        received_at = fields.pop("received_at", observed_at)
        self.history.add_verdict(
            verdict(seq, "U", observed_at=observed_at, **fields), received_at=received_at
        )

    def run(self, hours: float) -> int:
        """Trim every half hour for so long; return how many verdicts are left."""
        for _ in range(round(hours * 2)):
            self.clock.run(1800)
            self.trimmer.trim()
        return self.history.usage().verdicts


@pytest.fixture
def room(tmp_path):
    """Return a room whose history goes back sixty days."""
    opened = Room(tmp_path)
    yield opened
    opened.history.close()


@pytest.mark.parametrize("step", [400 * DAY, 31 * DAY, DAY / 12, -400 * DAY], ids=str)
@pytest.mark.parametrize("restarted", [False, True])
def test_a_wrong_clock_deletes_nothing_that_is_younger_than_the_bound(room, step, restarted):
    """Not in hours at a wrong date, not over restarts into it, and afterwards age counts as before."""
    assert room.run(1) == 119
    for _ in range(3):
        room.clock.step(step)
        if restarted:
            room.floor.close()
            room.start()
        assert room.run(HOLD_S / 3600 - 1) >= 119 - 7
        room.clock.step(-step)
        assert room.run(1) >= 119 - 7
    assert bool(room.notices) == (abs(step) > timedelta(hours=1))
    assert all("edge-node clock --state-dir" in text for text in room.notices)


def test_a_right_clock_deletes_what_is_too_old(room):
    """Day by day; also after weeks in which the room was off, once its clock has run on for half a day."""
    assert room.run(1) == 119
    assert room.run(24) == 115
    room.floor.close()
    room.clock.reboot(off=10 * DAY)
    room.start()
    assert room.run(1) == 115
    assert room.run(HOLD_S / 3600) == 115 - 40 - 2


def test_a_clock_that_begins_in_1970_deletes_nothing(room):
    """Not even what is too old by the floor of time, which may be what is wrong; a person is told."""
    room.floor.close()
    room.clock.reboot(datetime(1970, 1, 1, tzinfo=timezone.utc))
    room.start()
    assert room.run(2) == 240
    (notice,) = set(room.notices)
    assert "below the floor of time" in notice


def test_a_floor_that_an_operator_set_to_the_wrong_century_deletes_nothing_too_early(room):
    """What is deleted is gone: a year that was mistyped must not cost the history before it is corrected."""
    assert room.run(1) == 119
    room.clock.floor(room.folder).set_floor(room.clock.wall + 36525 * DAY)
    assert room.run(24) == 115
    room.clock.floor(room.folder).set_floor(room.clock.wall)
    assert room.run(1) == 115


@pytest.mark.parametrize("step", [400 * DAY, 40 * DAY, -40 * DAY], ids=str)
@pytest.mark.parametrize("heard", [True, False], ids=["robots connected", "no robot connected"])
def test_a_clock_that_stays_wrong_deletes_nothing_that_is_younger_than_the_bound(room, step, heard):
    """The floor believes it after half a day; robots with a synchronized clock do not, nor does silence."""
    room.clock.step(step)
    if heard:
        room.hear(1001, room.clock.truth, received_at=room.clock.wall)
    room.run(HOLD_S / 3600 + 4)
    oldest = 240 - 4 * 29  # of the 29 days before the clock was set
    assert room.history.verdict(f"crawler-1:epoch:{oldest}") is not None
    assert any("nothing is deleted by age until" in text for text in room.notices) == (step > 0 * DAY)
    room.clock.step(-step)
    room.hear(1002, room.clock.wall)
    room.run(1)
    assert room.history.verdict(f"crawler-1:epoch:{oldest}") is not None


def test_one_robot_with_a_wrong_clock_stops_nothing(room):
    """The median of the robots counts, and only clocks that they call synchronized."""
    for seq, (robot, years, quality) in enumerate(
        [("a", 0, "synchronized"), ("b", 0, "synchronized"), ("c", 9, "synchronized"), ("d", 56, "unknown")],
        1,
    ):
        at = room.clock.wall
        dated = {"id": f"{robot}:epoch:{seq}", "robot": robot, "time_quality": quality}
        room.hear(seq, at - years * 365 * DAY, received_at=at, **dated)
    assert room.run(1) == 119 + 4
    assert room.notices == []
