"""Clocks that a test sets: wall clock, monotonic time, boot and quality, and a floor of time on them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from edge_node.clock import Clocks, TimeQuality
from edge_node.clock_floor import ClockFloor

if TYPE_CHECKING:
    from pathlib import Path

BUILT = datetime(2026, 1, 1, tzinfo=timezone.utc)
TRUTH = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)


class SetClock:
    """A machine's clocks: true time passes by ``run``, the wall clock is set by ``step`` and ``reboot``."""

    def __init__(self, now: datetime = TRUTH, quality: TimeQuality = "not_synchronized") -> None:
        self.truth = self.wall = now
        self.quality: TimeQuality = quality
        self.boot = 1
        self.monotonic_ns = 10**9
        self.clocks = Clocks(
            wall_s=lambda: self.wall.timestamp(),  # noqa: PLW0108  the wall clock is set again and again
            monotonic_ns=lambda: self.monotonic_ns,
            quality=lambda: self.quality,
            boot_id=lambda: f"boot-{self.boot}",
        )

    def run(self, seconds: float) -> None:
        """Let time pass while the machine runs."""
        self.truth += timedelta(seconds=seconds)
        self.wall += timedelta(seconds=seconds)
        self.monotonic_ns += int(seconds * 1e9)

    def step(self, by: timedelta) -> None:
        """Set the wall clock; no time passes."""
        self.wall += by

    def reboot(self, wall: datetime | None = None, off: timedelta = timedelta(seconds=30)) -> None:
        """Switch the machine off and on; the wall clock then says ``wall``, or went on evenly."""
        self.truth += off
        self.wall = self.wall + off if wall is None else wall
        self.boot += 1
        self.monotonic_ns = 10**9

    def floor(self, folder: Path | None = None, **options) -> ClockFloor:
        """Open the floor of time in ``folder`` on these clocks, of a build of 2026-01-01."""
        return ClockFloor(folder, self.clocks, built=BUILT, **options)
