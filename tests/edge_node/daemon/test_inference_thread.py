"""Beside the models the next frame is made ready: never an older one, none twice, none lost unseen."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from edge_node.camera.frame import frame_now
from edge_node.camera.latest import LatestFrame
from edge_node.daemon.inference_thread import MAX_WAITING, InferenceThread
from tests.support.processes import wait_for


class SlowModels:
    """An inspector whose models return when they are told to."""

    def __init__(self):
        self.may_return = threading.Semaphore(0)
        self.running = threading.Event()
        self.made_ready = []
        self.failure = None

    def prepare(self, pixels, *, frozen):
        """Note what was made ready."""
        assert not frozen
        self.made_ready.append(int(pixels[0, 0, 0]))
        return pixels

    def run(self, prepared):
        """Wait, then answer with the picture's number."""
        self.running.set()
        assert self.may_return.acquire(timeout=10)
        self.running.clear()
        if self.failure:
            raise self.failure
        return int(prepared[0, 0, 0])


@pytest.fixture
def models():
    """Return models that wait."""
    return SlowModels()


@pytest.fixture
def latest():
    """Return an empty slot."""
    return LatestFrame()


@pytest.fixture
def lookahead(models, latest):
    """Return a running lookahead whose models are free."""
    running = InferenceThread(latest, lambda: None)
    running.start()
    wait_for(lambda: running.is_idle, 5, "free models")
    yield running
    models.may_return.release(100)
    running.stop()


def put(latest, number):
    """Put the frame with this number into the slot."""
    latest.put(frame_now(np.full((1, 1, 3), number, np.uint8), number, "test"))


def answer(lookahead):
    """Wait for the next judged frame."""
    found = []
    wait_for(lambda: found.append(lookahead.take()) or found[-1], 5, "an answer")
    return found[-1]


def test_while_the_models_run_the_next_frame_is_made_ready_and_follows(models, latest, lookahead):
    """The second frame is ready before the first is judged, and no main thread is needed to begin it."""
    put(latest, 1)
    lookahead.prepare(models, None)
    assert models.running.wait(5)
    put(latest, 2)
    lookahead.prepare(models, None)
    lookahead.prepare(models, None)  # nothing more to do
    assert models.made_ready == [1, 2]
    models.may_return.release(2)
    assert [answer(lookahead).answers for _ in range(2)] == [1, 2]


def test_a_frame_made_ready_that_is_no_longer_the_newest_is_left_out(models, latest, lookahead):
    """The models never get an older frame than the slot has; what was left out is counted as dropped."""
    put(latest, 1)
    lookahead.prepare(models, None)
    assert models.running.wait(5)
    put(latest, 2)
    lookahead.prepare(models, None)
    put(latest, 3)
    models.may_return.release(2)
    assert answer(lookahead).answers == 1
    wait_for(lambda: lookahead.prepare(models, None) or models.made_ready[-1] == 3, 5, "frame 3")
    third = answer(lookahead)
    assert (third.answers, third.dropped) == (3, 1)
    assert lookahead.take() is None


def test_a_full_slot_stays_full_until_the_models_take_it(models, latest, lookahead):
    """A recording that may lose no picture waits: making ready takes nothing out of the slot."""
    put(latest, 1)
    lookahead.prepare(models, None)
    assert models.running.wait(5)
    put(latest, 2)
    lookahead.prepare(models, None)
    frame = frame_now(np.zeros((1, 1, 3), np.uint8), 3, "test")
    assert not latest.put_when_empty(frame, 0.05)
    models.may_return.release()
    assert latest.put_when_empty(frame, 5)


def test_what_nobody_records_holds_the_models_up(models, latest, lookahead):
    """No more than ``MAX_WAITING`` answers gather, and they go on once one is taken."""
    models.may_return.release(100)
    for number in range(MAX_WAITING):
        put(latest, number)
        wait_for(lambda: lookahead.prepare(models, None) or latest.peek() is None, 5, "the frame taken")
    put(latest, 99)
    lookahead.prepare(models, None)
    assert latest.peek() is not None
    assert [answer(lookahead).answers for _ in range(MAX_WAITING)] == list(range(MAX_WAITING))
    wait_for(lambda: lookahead.prepare(models, None) or latest.peek() is None, 5, "the last frame taken")
    assert answer(lookahead).answers == 99


def test_what_a_model_raises_reaches_the_main_thread(models, latest, lookahead):
    """With its frame: the node ends of it, or a bundle on trial answers for it and the next is judged."""
    models.failure = RuntimeError("arena")
    put(latest, 1)
    lookahead.prepare(models, None)
    models.may_return.release()
    with pytest.raises(RuntimeError, match="arena"):
        answer(lookahead).answered()
    models.failure = None
    put(latest, 2)
    lookahead.prepare(models, None)
    models.may_return.release()
    assert answer(lookahead).answered() == 2


def test_models_that_do_not_return_are_seen_and_do_not_hold_up_the_end(models, latest, lookahead):
    """``busy_since_s`` says since when, for the watchdog; stopping waits no longer than it is told."""
    put(latest, 1)
    lookahead.prepare(models, None)
    assert models.running.wait(5)
    assert lookahead.busy_since_s is not None
    assert not lookahead.is_idle
    lookahead.stop(timeout_s=0.05)
    assert lookahead.take() is None
