"""A robot's parts around the main loop, and a listener that notes what it is told."""

from __future__ import annotations

import threading

import msgspec
import numpy as np

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
from edge_node.inference.reloader import Reloader
from edge_node.inspection.pose_track import pose_track
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import Verdict
from edge_node.monitoring.systemd import Notifier
from edge_node.spool.spool import Spool

CONFIG = Config(
    node=NodeConfig(site="quay", robot="crawler-1"),
    bundle=BundleConfig(path="default"),
    mqtt=MqttConfig(hostname="127.0.0.1"),
)


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


class Robot:
    """The parts of a robot that the main loop drives."""

    def __init__(
        self, folder, engine, *, load=None, reread=None, failure_counters=(), listeners=(), periodics=()
    ):
        self.latest, self.pause, has_work = LatestFrame(), PauseSwitch(), threading.Event()
        self.spool = Spool.open(folder / "spool.sqlite", SpoolConfig())
        self.reloader = Reloader(load or (lambda: engine), reread=reread)
        self.bundle = BundleInUse(
            *(CONFIG, engine, self.spool.epoch),
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
            VerdictWriter(self.spool, evidence, pictures, pose_track(CONFIG.pose)),
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
