"""Streams that repeat a frame count as frozen, after a time and some repetitions."""

import numpy as np

from edge_node.camera.capture.frozen_stream import FrozenStreamDetector
from edge_node.camera.frame import Frame, frame_now


def frame(shade, at_ms):
    """Return a small frame of one shade."""
    made = frame_now(np.full((16, 16, 3), shade, np.uint8), 0, "test")
    return Frame(made.pixels, 0, int(at_ms * 1e6), made.observed_at, "test")


def test_frozen_needs_time_and_repetitions():
    """Equal frames count as frozen after the time *and* three repetitions; one different frame ends it."""
    watch = FrozenStreamDetector(100)
    assert [watch.sees_repetition(frame(1, at)) for at in (0, 30, 60, 90, 120)] == [False] * 4 + [True]
    assert not watch.sees_repetition(frame(2, 150))
    assert [watch.sees_repetition(frame(2, at)) for at in (900, 1000)] == [False, False]
    assert watch.sees_repetition(frame(2, 1100))
