"""While the models run the next frame is prepared: never an older one, none twice, none lost uncounted."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from edge_node.camera.frame import frame_now
from edge_node.camera.latest import LatestFrame
from edge_node.daemon.inference_thread import MAX_WAITING, InferenceThread, Judge
from tests.support.processes import wait_for


class SlowModels:
    """An inspector whose models return when they are told to."""

    def __init__(self):
        self.may_return = threading.Semaphore(0)
        self.running = threading.Event()
        self.made_ready = []
        self.failure = None
        self.unreadable = set()
        self.judge = Judge(self, None)

    def prepare(self, pixels, *, frozen, view):
        """Note what was made ready."""
        assert not frozen
        assert view is None
        self.made_ready.append(int(pixels[0, 0, 0]))
        if self.made_ready[-1] in self.unreadable:
            raise ValueError(f"picture {self.made_ready[-1]}")
        return pixels

    def run(self, prepared):
        """Wait, then answer with the picture's number."""
        self.running.set()
        assert self.may_return.acquire(timeout=10)
        self.running.clear()
        if self.failure:
            raise self.failure
        return int(prepared[0, 0, 0])

    def conclude(self, _prepared, outputs):
        """Return the models' answer as it is."""
        return outputs


@pytest.fixture
def models():
    """Return models that wait."""
    return SlowModels()


@pytest.fixture
def latest():
    """Return an empty slot."""
    return LatestFrame()


@pytest.fixture
def inference(models, latest):
    """Return a running inference thread whose models are free."""
    running = InferenceThread(latest, lambda: None)
    running.start()
    wait_for(lambda: running.is_idle, 5, "free models")
    yield running
    models.may_return.release(100)
    running.stop()


def put(latest, number):
    """Put the frame with this number into the slot."""
    latest.put(frame_now(np.full((1, 1, 3), number, np.uint8), number, "test"))


def next_judged(inference):
    """Wait for the next judged frame."""
    found = []
    wait_for(lambda: found.append(inference.take()) or found[-1], 5, "an answer")
    return found[-1]


def test_while_the_models_run_the_next_frame_is_made_ready_and_follows(models, latest, inference):
    """The second frame is ready before the first is judged, and no main thread is needed to begin it."""
    put(latest, 1)
    inference.prepare(models.judge)
    assert models.running.wait(5)
    put(latest, 2)
    inference.prepare(models.judge)
    inference.prepare(models.judge)  # nothing more to do
    assert models.made_ready == [1, 2]
    models.may_return.release(2)
    assert [next_judged(inference).outputs for _ in range(2)] == [1, 2]


def test_a_frame_made_ready_that_is_no_longer_the_newest_is_left_out(models, latest, inference):
    """The models never get an older frame than the slot has; what was left out is counted as dropped."""
    put(latest, 1)
    inference.prepare(models.judge)
    assert models.running.wait(5)
    put(latest, 2)
    inference.prepare(models.judge)
    put(latest, 3)
    models.may_return.release(2)
    assert next_judged(inference).outputs == 1
    wait_for(lambda: inference.prepare(models.judge) or models.made_ready[-1] == 3, 5, "frame 3")
    third = next_judged(inference)
    assert (third.outputs, third.dropped) == (3, 1)
    assert inference.take() is None


def test_frames_that_are_prepared_in_vain_become_few(models, latest, inference):
    """Where each is replaced before the models are free, 100 frames cost a handful of preparations."""
    put(latest, 1)
    inference.prepare(models.judge)
    assert models.running.wait(5)
    for number in range(2, 102):
        put(latest, number)
        inference.prepare(models.judge)
        inference.prepare(models.judge)
    assert 2 <= len(models.made_ready) <= 8
    models.may_return.release(2)
    assert [next_judged(inference).outputs for _ in range(2)] == [1, 101]
    assert models.made_ready[-1] == 101


def test_models_that_are_never_free_gather_no_calls_to_look(models, latest, inference):
    """For days a frame is ready whenever they return: what would wake them is not kept for each."""
    put(latest, 0)
    inference.prepare(models.judge)
    for number in range(1, 20):
        assert models.running.wait(5)
        put(latest, number)
        inference.prepare(models.judge)
        models.may_return.release()
        assert next_judged(inference).outputs == number - 1
    assert inference._wakes.qsize() <= 1


def test_the_models_take_a_frame_without_the_main_thread_until_told_otherwise(models, latest, inference):
    """Two frames are judged after one call of ``prepare``; after ``discard`` none is."""
    inference.prepare(models.judge)
    models.may_return.release(2)
    for number in (1, 2):
        put(latest, number)
        assert next_judged(inference).outputs == number
    inference.discard()
    put(latest, 3)
    assert latest.peek() is not None
    assert models.made_ready == [1, 2]


def test_a_frame_that_cannot_be_prepared_fails_once_and_the_next_is_judged(models, latest, inference):
    """Prepared ahead or not, what preparing raises reaches the main thread with its frame."""
    inference.prepare(models.judge)
    put(latest, 1)
    assert models.running.wait(5)
    models.unreadable = {2}
    put(latest, 2)
    inference.prepare(models.judge)
    inference.prepare(models.judge)
    models.may_return.release(2)
    assert next_judged(inference).inspection() == 1
    with pytest.raises(ValueError, match="picture 2"):
        next_judged(inference).inspection()
    put(latest, 3)
    assert next_judged(inference).inspection() == 3
    assert models.made_ready == [1, 2, 2, 3]


def test_a_full_slot_stays_full_until_the_models_take_it(models, latest, inference):
    """A recording that may lose no picture waits: making ready takes nothing out of the slot."""
    put(latest, 1)
    inference.prepare(models.judge)
    assert models.running.wait(5)
    put(latest, 2)
    inference.prepare(models.judge)
    frame = frame_now(np.zeros((1, 1, 3), np.uint8), 3, "test")
    assert not latest.put_when_empty(frame, 0.05)
    models.may_return.release()
    assert latest.put_when_empty(frame, 5)


def test_what_nobody_records_holds_the_models_up(models, latest, inference):
    """No more than ``MAX_WAITING`` answers gather, and they go on once one is taken."""
    models.may_return.release(100)
    for number in range(MAX_WAITING):
        put(latest, number)
        wait_for(lambda: inference.prepare(models.judge) or latest.peek() is None, 5, "the frame taken")
    put(latest, 99)
    inference.prepare(models.judge)
    assert latest.peek() is not None
    assert [next_judged(inference).outputs for _ in range(MAX_WAITING)] == list(range(MAX_WAITING))
    wait_for(lambda: inference.prepare(models.judge) or latest.peek() is None, 5, "the last frame taken")
    assert next_judged(inference).outputs == 99


def test_what_a_model_raises_reaches_the_main_thread(models, latest, inference):
    """With its frame: the node ends of it, or a bundle on trial answers for it and the next is judged."""
    models.failure = RuntimeError("arena")
    put(latest, 1)
    inference.prepare(models.judge)
    models.may_return.release()
    with pytest.raises(RuntimeError, match="arena"):
        next_judged(inference).inspection()
    models.failure = None
    put(latest, 2)
    inference.prepare(models.judge)
    models.may_return.release()
    assert next_judged(inference).inspection() == 2


def test_models_that_do_not_return_are_seen_and_do_not_hold_up_the_end(models, latest, inference):
    """``busy_since_s`` says since when, for the watchdog; stopping waits no longer than it is told."""
    put(latest, 1)
    inference.prepare(models.judge)
    assert models.running.wait(5)
    assert inference.busy_since_s is not None
    assert not inference.is_idle
    inference.stop(timeout_s=0.05)
    assert inference.take() is None
