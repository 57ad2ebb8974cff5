"""Captured frames: when they were captured, on which clock."""

from __future__ import annotations

import time
from datetime import datetime, timezone

import numpy as np

from edge_node.camera.frame import Frame, frame_now

PIXELS = np.zeros((4, 6, 3), np.uint8)


def test_a_frame_of_now_has_both_clocks() -> None:
    """The monotonic one for its age, the wall clock in UTC for people."""
    before_ns, before = time.monotonic_ns(), datetime.now(timezone.utc)
    frame = frame_now(PIXELS, 7, "camera")
    assert before_ns <= frame.captured_at_ns <= time.monotonic_ns()
    assert before <= frame.observed_at <= datetime.now(timezone.utc)
    assert (frame.frame_id, frame.source, frame.frozen) == (7, "camera", False)


def test_the_age_is_that_of_the_monotonic_clock() -> None:
    """A wall clock that is set while a frame waits does not change its age."""
    wrong = datetime(1970, 1, 1, tzinfo=timezone.utc)
    age_ms = Frame(PIXELS, 1, time.monotonic_ns() - 250_000_000, wrong, "camera").age_ms
    assert 250 <= age_ms < 10_000
