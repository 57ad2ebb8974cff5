"""The floor of time: what raises it, what does not, and what it survives."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest

from edge_node import __version__
from edge_node.clock import QUALITY_WORDS
from edge_node.clock_floor import BUILT, FLOOR_NAME, ClockFloor, FloorSource, format_span, from_unix
from tests.support.clocks import BUILT as BUILD_DATE
from tests.support.clocks import TRUTH, SetClock

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def test_the_build_date_is_that_of_this_version():
    """Whoever raises the version must say when it was built; a date of tomorrow would lock robots out."""
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    assert re.search(r'^version = "(.+)"$', project.read_text(), re.MULTILINE)[1] == __version__
    assert BUILT[0] == __version__, "edge_node/clock_floor.py: BUILT names another version; update its date"
    assert datetime(2026, 11, 1, tzinfo=timezone.utc) < BUILT[1] < datetime.now(timezone.utc)


@pytest.mark.parametrize("wrong", [timedelta(days=400), HOUR, timedelta(seconds=1)])
@pytest.mark.parametrize("quality", ["not_synchronized", "unknown"])
def test_a_clock_that_is_not_synchronized_never_raises_it(tmp_path, wrong, quality):
    """A day at a wrong date is shown, and afterwards everything is as before."""
    clock = SetClock(quality=quality)
    with clock.floor(tmp_path) as floor:
        clock.step(wrong)
        for _ in range(24):
            clock.run(3600)
            floor.look()
        assert from_unix(floor.read().floor_s) == BUILD_DATE + DAY
        assert floor.read().now == clock.wall
        clock.step(-wrong)
        assert not floor.read().below_s
    assert from_unix(clock.floor(tmp_path).read().floor_s) == BUILD_DATE + DAY


def test_a_synchronized_clock_raises_it_once_it_has_held(tmp_path):
    """Near the floor it is believed at once, further ahead after five even minutes; a reboot keeps it."""
    clock = SetClock(quality="synchronized")
    floor = clock.floor(tmp_path)
    floor.look()
    assert floor.read().source is FloorSource.BUILD
    assert "ahead of the floor of time, not believed yet" in floor.read().text
    for _ in range(301):
        clock.run(1)
        floor.look()
    assert from_unix(floor.read().floor_s) == clock.wall
    assert floor.read().text == "synchronized"
    clock.run(1)
    floor.look()
    assert (from_unix(floor.read().floor_s), floor.read().source) == (clock.wall, FloorSource.SYNCHRONIZED)
    floor.close()
    clock.reboot(datetime(1970, 1, 1, tzinfo=timezone.utc))
    clock.quality = "not_synchronized"
    reading = clock.floor(tmp_path).read()
    assert from_unix(reading.floor_s) == clock.truth - timedelta(seconds=30)
    assert reading.now == from_unix(reading.floor_s)
    assert reading.below_s > 400
    assert re.fullmatch(r"not synchronized; \d+ d below the floor of time", reading.text)


def test_a_synchronized_clock_that_leaps_for_a_minute_raises_nothing(tmp_path):
    """A wrong time server is not believed until its time has held; each set of the clock begins anew."""
    clock = SetClock(quality="synchronized")
    floor = clock.floor(tmp_path)
    floor.note_signed(TRUTH)  # the clock is trusted and needs no help
    for _ in range(10):
        clock.step(400 * DAY)
        for _ in range(60):
            clock.run(1)
            floor.look()
        clock.step(-400 * DAY)
        for _ in range(60):
            clock.run(1)
            floor.look()
    assert from_unix(floor.read().floor_s) < TRUTH
    for _ in range(300):
        clock.run(1)
        floor.look()
    assert from_unix(floor.read().floor_s) == clock.wall


@pytest.mark.parametrize("wrong", [timedelta(minutes=2), HOUR])
def test_a_synchronized_clock_that_is_set_forward_for_a_minute_raises_nothing(tmp_path, wrong):
    """Also by less than the time that a machine may have been off: else commands expire for an hour."""
    clock = SetClock(quality="synchronized")
    floor = clock.floor(tmp_path)
    for _ in range(301):
        clock.run(1)
        floor.look()
    clock.step(wrong)
    for _ in range(60):
        clock.run(1)
        floor.look()
    assert "not believed yet" in floor.read().text
    clock.step(-wrong)
    floor.look()
    assert from_unix(floor.read().floor_s) == clock.truth
    assert floor.read().is_trusted


def test_a_signed_time_and_elapsed_time_raise_it(tmp_path):
    """Within a boot monotonic time counts, also while no node runs; over a reboot the file counts."""
    clock = SetClock(BUILD_DATE - 20_000 * DAY)
    floor = clock.floor(tmp_path)
    floor.note_signed(TRUTH)
    floor.note_signed(TRUTH - HOUR)  # an older command lowers nothing
    floor.look()
    clock.run(599)
    floor.look()
    assert from_unix(floor.durable_s) == TRUTH  # nothing is written more often than every ten minutes
    assert from_unix(floor.read().floor_s) == TRUTH + timedelta(seconds=599)
    again = clock.floor(tmp_path)  # killed, and started anew in the same boot
    assert (from_unix(again.read().floor_s), again.read().source) == (
        TRUTH + timedelta(seconds=599),
        FloorSource.SIGNED_COMMAND,
    )
    clock.reboot()
    assert from_unix(clock.floor(tmp_path).read().floor_s) == TRUTH


@pytest.mark.parametrize("quality", ["not_synchronized", "synchronized"])
def test_a_clock_that_is_set_forward_does_not_become_the_time(tmp_path, quality):
    """What raised the floor in this boot contradicts it; after a reboot nothing does."""
    clock = SetClock(quality="synchronized")
    floor = clock.floor(tmp_path)
    for _ in range(400):
        clock.run(1)
        floor.look()
    clock.step(400 * DAY)
    clock.quality = quality
    floor.look()
    assert floor.read().now == clock.truth
    assert not floor.read().is_trusted
    assert (
        floor.read().text == f"{QUALITY_WORDS[quality]}; 400 d ahead of the floor of time, not believed yet"
    )
    floor.close()
    assert clock.floor(tmp_path).read().now == clock.truth  # a restart in the same boot
    clock.reboot()
    assert clock.floor(tmp_path).read().now == clock.wall


def test_it_is_written_seldom(tmp_path):
    """A day of a synchronized clock is some 144 writes."""
    clock, writes, seen = SetClock(quality="synchronized"), 0, None
    floor = clock.floor(tmp_path)
    for _ in range(24 * 360):
        clock.run(10)
        floor.look()
        writes, seen = writes + (floor.durable_s != seen), floor.durable_s
    assert 100 < writes < 150


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff", b"[" * 5000, b"null", b'{"floor_s": 1e300}', b"{}"]
    + [
        b'{"floor_s":%s,"source":"operator","boot_id":"x","monotonic_ns":1}' % value
        for value in (b"-1", b"1e12", b"NaN", b'"2026"', b"null")
    ],
)
def test_a_damaged_file_is_set_aside(tmp_path, content, caplog):
    """The build's date counts then, it is said in the log, and the next save makes a whole file."""
    (tmp_path / FLOOR_NAME).write_bytes(content)
    floor = SetClock().floor(tmp_path)
    assert from_unix(floor.read().floor_s) == BUILD_DATE
    assert "set aside" in caplog.text
    assert (tmp_path / "clock_floor.damaged").read_bytes() == content
    floor.look()
    assert msgspec.json.decode((tmp_path / FLOOR_NAME).read_bytes())["source"] == "build"


def test_a_newer_build_raises_an_old_file(tmp_path):
    """After an update of the software the floor is at least its build's date."""
    clock = SetClock()
    clock.floor(tmp_path).look()
    clock.reboot()
    newer = ClockFloor(tmp_path, clock.clocks, built=TRUTH)
    assert (from_unix(newer.read().floor_s), newer.read().source) == (TRUTH, FloorSource.BUILD)


def test_an_operator_corrects_it_beside_a_running_node(tmp_path):
    """What another process sets, also lower, the node takes at its next look and does not overwrite."""
    clock = SetClock()
    node = clock.floor(tmp_path)
    node.note_signed(TRUTH + 400 * DAY)
    node.look()
    clock.floor(tmp_path).set_floor(TRUTH)
    node.look()
    clock.run(700)
    node.look()
    assert (from_unix(node.read().floor_s), node.read().source) == (clock.wall, FloorSource.OPERATOR)
    assert from_unix(node.durable_s) == clock.wall
    clock.floor(tmp_path).set_floor(None)
    node.look()
    assert (from_unix(node.read().floor_s), node.read().source) == (BUILD_DATE, FloorSource.BUILD)
    (tmp_path / FLOOR_NAME).unlink()
    node.look()
    assert (tmp_path / FLOOR_NAME).exists()


def test_an_operators_correction_outlives_a_node_that_ends_before_it_looked(tmp_path):
    """Whoever sets the floor and restarts the node at once must not find the wrong one there again."""
    clock = SetClock()
    node = clock.floor(tmp_path)
    node.note_signed(TRUTH + 400 * DAY)
    node.look()
    clock.run(30)
    clock.floor(tmp_path).set_floor(TRUTH)
    node.close()
    assert from_unix(clock.floor(tmp_path).read().floor_s) == TRUTH


def test_a_disk_that_takes_nothing_costs_the_reboot_alone(tmp_path, caplog):
    """The floor goes on in memory, said once; what the next boot would know is not called durable."""
    (tmp_path / f".{FLOOR_NAME}.new").mkdir()
    clock = SetClock()
    floor = clock.floor(tmp_path)
    floor.note_signed(TRUTH)
    for _ in range(3):
        clock.run(3600)
        floor.look()
    assert from_unix(floor.read().floor_s) == TRUTH + 3 * HOUR
    assert from_unix(floor.durable_s) == BUILD_DATE
    assert caplog.text.count("would not survive") == 1


def test_absurd_signed_times_do_not_break_it(tmp_path):
    """Year 9999 is no time to be raised to."""
    floor = SetClock().floor(tmp_path)
    floor.note_signed(datetime.max.replace(tzinfo=timezone.utc))
    assert from_unix(floor.read().floor_s) == BUILD_DATE


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "1 s"), (125, "2 min"), (7200, "2 h"), (400 * 86_400, "400 d")]
)
def test_spans_are_told_in_their_largest_unit(seconds, text):
    """As a person says them."""
    assert format_span(seconds) == text
