"""The one-slot hand-over: newest wins, drops are counted, nobody waits for ever."""

from __future__ import annotations

import threading

import numpy as np

from edge_node.camera.frame import frame_now
from edge_node.camera.latest import LatestFrame


def frame(frame_id: int):
    """Return a tiny frame."""
    return frame_now(np.zeros((1, 1, 3), np.uint8), frame_id, "test")


def test_the_newest_frame_wins_and_drops_are_counted():
    """Of three frames put the third comes out and two were dropped; then the count restarts."""
    latest = LatestFrame()
    for frame_id in range(3):
        latest.put(frame(frame_id))
    taken, dropped = latest.take(1.0)
    assert (taken.frame_id, dropped) == (2, 2)
    latest.put(frame(3))
    assert latest.take(1.0)[1] == 0


def test_an_empty_slot_times_out_with_nothing():
    """The reader gets control back to look at the clock."""
    assert LatestFrame().take(0.01) == (None, 0)


def test_close_wakes_the_reader_but_the_last_frame_is_still_given():
    """A recording's last frame is decided although the recording has ended."""
    latest = LatestFrame()
    latest.put(frame(7))
    latest.close()
    assert latest.take(10.0)[0].frame_id == 7
    assert latest.take(10.0) == (None, 0)


def test_put_when_empty_drops_nothing():
    """A fast writer and a slow reader exchange all 200 frames in order."""
    latest = LatestFrame()

    def write():
        for frame_id in range(200):
            assert latest.put_when_empty(frame(frame_id), 10.0)
        latest.close()

    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    while (taken := latest.take(10.0))[0] is not None:
        assert taken[1] == 0
        seen.append(taken[0].frame_id)
    writer.join(10.0)
    assert seen == list(range(200))


def test_put_when_empty_gives_up_when_closed():
    """A writer that waits for a reader who has left is let go."""
    latest = LatestFrame()
    latest.put(frame(0))
    latest.close()
    assert not latest.put_when_empty(frame(1), 10.0)
