"""Streams that repeat a frame count as frozen, after a time and some repetitions."""

import numpy as np

from edge_node.camera.capture.frozen_stream import FrozenStreamDetector
from edge_node.camera.frame import Frame, frame_now
from edge_node.messages.camera_view import Crop
from edge_node.view.settings import ViewSettings
from edge_node.view.view import View


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


def watch_clock(settings):
    """Return whether a picture that stands still but for a clock at the top left is found to be frozen."""
    watch = FrozenStreamDetector(100, None if settings is None else View(settings))
    pixels = np.random.default_rng(1).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    found = []
    for at_ms in range(0, 300, 30):
        pixels[:24, :80] = at_ms % 256
        made = frame_now(pixels.copy(), 0, "test")
        found.append(watch.sees_repetition(Frame(made.pixels, 0, int(at_ms * 1e6), made.observed_at, "test")))
    return found[-1]


def test_what_is_not_judged_hides_no_frozen_picture():
    """A clock that the camera writes into its picture moves: masked or cropped off it is not looked at."""
    mask = np.full((240, 320), 255, np.uint8)
    mask[:24, :80] = 0
    crop = Crop(left_px=100, top_px=100, width_px=20, height_px=30, of_px=(240, 320))
    assert not watch_clock(None)
    assert not watch_clock(ViewSettings(180))
    assert watch_clock(ViewSettings(mask=mask))
    assert watch_clock(ViewSettings(90, crop=crop))
