"""The main loop on real models and a real spool: listeners in order, periodic work on time, pause, faults."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from edge_node.camera.frame import frame_now
from tests.support.processes import wait_for
from tests.support.robot_loop import Listener, Robot


class Clock:
    """Periodic work that notes when it was called, and does something once."""

    def __init__(self, interval_s, action=lambda: None):
        self.interval_s = interval_s
        self.calls = []
        self._action = action

    def look(self, now_s, /):
        """Note a call."""
        self.calls.append(now_s)
        self._action()


def test_each_listener_is_told_of_each_verdict_after_it_is_spooled(robot):
    """In order of capture, with the spool's numbers, first listener first."""
    order = []
    first, second = (Listener(lambda verdict, name=name: order.append((verdict.seq, name))) for name in "ab")
    node = robot(listeners=[first, second])
    node.run(11, 12, 13)
    assert order == [(seq, name) for seq in (1, 2, 3) for name in "ab"]
    assert [verdict.frame_id for verdict in first.verdicts] == [11, 12, 13]
    assert node.spooled() == first.verdicts


def test_periodic_work_is_done_at_its_own_interval(robot):
    """At every turn with 0; else not before its interval is over."""
    often, seldom = Clock(0.0), Clock(3600.0)
    robot(periodics=[often, seldom]).run(*range(8))
    assert len(seldom.calls) == 1
    assert len(often.calls) > 2


def test_periodic_work_that_finds_no_disk_ends_nothing(robot, caplog):
    """An OSError in it is told once; frames are inspected, and the work is done again at its next turn."""

    def fail():
        raise OSError(24, "Too many open files")

    broken, listener = Clock(0.0, fail), Listener()
    robot(periodics=[broken], listeners=[listener]).run(*range(4))
    assert len(listener.verdicts) == 4
    assert len(broken.calls) > 1
    assert [record.message for record in caplog.records] == ["Clock: system: Too many open files"]


def test_while_paused_frames_are_dropped_and_counted_by_the_next_verdict(robot):
    """No verdict comes of a frame that arrives in a pause."""
    listener = Listener()
    node = robot(listeners=[listener])
    node.pause.pause(None)
    stop = threading.Event()
    loop = threading.Thread(target=node.loop.run, args=(stop,))
    loop.start()
    for number in (1, 2):
        node.latest.put(frame_now(np.zeros((96, 96, 3), np.uint8), number, "test"))
        wait_for(lambda: node.latest.peek() is None, 10, "the frame dropped")
    node.pause.resume()
    node.put(3)
    loop.join(20)
    assert not loop.is_alive()
    assert [verdict.frame_id for verdict in listener.verdicts] == [3]


def test_a_fault_ends_the_loop_unless_a_trial_is_to_blame(robot, engine, tmp_path):
    """A failure that counts against a trial makes the frame a dropped one; else it is raised."""
    blamed, listener = [], Listener()

    class Faulty:
        """Models of which the first frame is too much."""

        def __init__(self):
            self.bundle = engine.bundle
            self.frames = 0

        def prepare(self, pixels, told):
            """Prepare as the real models do."""
            return engine.prepare(pixels, told)

        def run(self, prepared, told):
            """Fail on the first frame."""
            self.frames += 1
            if self.frames == 1:
                raise RuntimeError("arena")
            return engine.run(prepared, told)

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    on_trial = Robot(
        tmp_path / "a",
        Faulty(),
        failure_counters=[lambda err: blamed.append(err) or True],
        listeners=[listener],
    )
    on_trial.run(1, 2)
    on_trial.spool.close()
    assert [str(err) for err in blamed] == ["arena"]
    assert [(verdict.frame_id, verdict.frames_dropped) for verdict in listener.verdicts] == [(2, 1)]
    alone = Robot(tmp_path / "b", Faulty())
    with pytest.raises(RuntimeError, match="arena"):
        alone.run(1)
    alone.spool.close()


def test_a_fault_of_models_that_were_replaced_meanwhile_ends_nothing(engine, tmp_path):
    """A frame of theirs that fails after the reload counts as dropped, also for lack of a trial."""
    listener, nodes = Listener(), []

    class Leaving:
        """Models that fail once others have taken over."""

        bundle, prepare = engine.bundle, engine.prepare

        def run(self, _prepared, _told):
            """Have others take over, and fail then."""
            node = nodes[0]
            node.reloader.request()
            wait_for(lambda: node.bundle.judge is not first, 10, "the reload")
            raise RuntimeError("arena")

    nodes.append(Robot(tmp_path, Leaving(), load=lambda: engine, listeners=[listener]))
    first = nodes[0].bundle.judge
    nodes[0].run(1, 2, 3)  # the second may have been prepared for the models that left
    assert listener.verdicts[-1].frame_id == 3
    assert sum(1 + verdict.frames_dropped for verdict in listener.verdicts) == 3
    nodes[0].spool.close()
