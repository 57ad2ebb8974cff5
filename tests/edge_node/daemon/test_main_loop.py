"""The main loop on real models and a real spool: listeners in order, periodic work on time, pause, faults."""

from __future__ import annotations

import threading

import msgspec
import numpy as np
import pytest

from edge_node.camera.frame import frame_now
from edge_node.camera.latest import LatestFrame
from edge_node.commands.pause import PauseSwitch
from edge_node.config.delivery_sections import EvidenceConfig, MqttConfig, SpoolConfig
from edge_node.config.sections import BundleConfig, Config, NodeConfig
from edge_node.daemon.bundle_in_use import BundleInUse
from edge_node.daemon.inference_thread import InferenceThread
from edge_node.daemon.main_loop import MainLoop
from edge_node.daemon.verdict_writer import VerdictWriter
from edge_node.evidence.store import EvidenceStore
from edge_node.evidence.thread import EvidenceThread
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inference.reloader import Reloader
from edge_node.inspection.pose_track import pose_track
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import Verdict
from edge_node.monitoring.systemd import Notifier
from edge_node.spool.spool import Spool
from tests.support.processes import wait_for

pytestmark = pytest.mark.runtime


@pytest.fixture(scope="module")
def engine():
    """The default bundle's models."""
    return Engine(load_bundle(DEFAULT_BUNDLE))


class Listener:
    """Notes the verdicts and reloads that it is told of."""

    def __init__(self, on_verdict=lambda _verdict: None):
        self.verdicts = []
        self.reloads = []
        self._on_verdict = on_verdict

    def on_verdict(self, _frame, _inspection, verdict, /):
        """Note a verdict."""
        self.verdicts.append(verdict)
        self._on_verdict(verdict)

    def on_reload(self, bundle, /):
        """Note the end of a reload."""
        self.reloads.append(bundle)


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


class Robot:
    """The parts of a robot that the main loop drives."""

    def __init__(self, folder, engine, *, load=None, failure_counters=(), listeners=(), periodics=()):
        self.latest, self.pause, has_work = LatestFrame(), PauseSwitch(), threading.Event()
        self.spool = Spool.open(folder / "spool.sqlite", SpoolConfig())
        config = Config(
            node=NodeConfig(site="quay", robot="crawler-1"),
            bundle=BundleConfig(path="default"),
            mqtt=MqttConfig(hostname="127.0.0.1"),
        )
        self.reloader = Reloader(load or (lambda: engine))
        self.bundle = BundleInUse(
            *(config, engine, self.spool.epoch),
            reloader=self.reloader,
            notifier=Notifier({}),
            listeners=listeners,
            failure_counters=failure_counters,
        )
        pictures = EvidenceThread(has_work.set)
        evidence = EvidenceStore(folder / "evidence", EvidenceConfig())
        self.loop = MainLoop(
            InferenceThread(self.latest, has_work.set),
            self.bundle,
            VerdictWriter(self.spool, evidence, pictures, pose_track(config.pose)),
            has_work=has_work,
            pause=self.pause,
            listeners=listeners,
            periodics=[self.bundle, *periodics],
        )

    def put(self, *numbers):
        """Put frames into the slot, each when the one before was taken; then close it."""
        noise = np.random.default_rng(5)
        for number in numbers:
            frame = frame_now(noise.integers(60, 200, (96, 96, 3), dtype=np.uint8), number, "test")
            while not self.latest.put_when_empty(frame, 0.2):
                pass
        self.latest.close()

    def run(self, *numbers):
        """Run the loop on these frames until all are recorded."""
        feeder = threading.Thread(target=self.put, args=numbers)
        feeder.start()
        self.loop.run(threading.Event())
        feeder.join()

    def spooled(self):
        """Return the verdicts on disk."""
        assert self.spool.flush(5)
        return [msgspec.json.decode(row.payload, type=Verdict) for row in self.spool.rows(Kind.VERDICT)]


@pytest.fixture
def robot(tmp_path, engine):
    """Return a function that makes a robot whose spool is closed in the end."""
    made = []

    def make(**options):
        made.append(Robot(tmp_path, engine, **options))
        return made[-1]

    yield make
    for one in made:
        one.spool.close()


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


def test_a_reload_takes_over_between_two_frames_and_listeners_are_told(robot, engine):
    """Of the bundle that took over, or of None where it was refused and the one before goes on."""
    listener = Listener()
    node = robot(listeners=[listener])
    judge = node.bundle.judge
    node.reloader.signalled.set()
    wait_for(lambda: node.bundle.look(0.0) or listener.reloads, 10, "the reload's end")
    assert listener.reloads == [engine.bundle]
    assert node.bundle.judge is not judge
    node.run(1)
    assert len(listener.verdicts) == 1


def test_a_bundle_that_does_not_load_is_refused_and_said_so(robot):
    """The part of the status names the reason; the models in use stay."""

    def fail():
        raise OSError("no such bundle")

    listener = Listener()
    node = robot(listeners=[listener], load=fail)
    judge = node.bundle.judge
    node.reloader.request()
    wait_for(lambda: node.bundle.look(0.0) or listener.reloads, 10, "the reload's end")
    assert listener.reloads == [None]
    assert node.bundle.judge is judge
    assert node.bundle.part.text.startswith("a new bundle was refused: ")
