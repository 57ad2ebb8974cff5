"""The bench measures the node itself, on real models."""

from __future__ import annotations

import time

import numpy as np

from edge_node.bench.node_run import RawFrames, run_node
from edge_node.camera.latest import LatestFrame
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from tests.support.processes import wait_for


def test_the_node_spools_what_it_decides(tmp_path):
    """The measured loop is the daemon's: its verdicts are rows in a real spool on disk."""
    engine = Engine(load_bundle(DEFAULT_BUNDLE))
    noise = np.random.default_rng(1).integers(0, 256, (2, 240, 320, 3), dtype=np.uint8)
    run = run_node(engine, list(noise), tmp_path, seconds=0.2, fps=None, broker=None)
    assert run.verdicts == len(run.between_ms) == len(run.latency_ms) > 0
    assert (tmp_path / "spool.sqlite").stat().st_size > 0


def test_a_camera_of_raw_frames_keeps_its_pace():
    """At 50 frames a second no more than that come, however busy the machine is."""
    latest = LatestFrame()
    started_s = time.monotonic()
    with RawFrames([np.zeros((4, 4, 3), np.uint8)], latest, 50.0) as camera:
        wait_for(lambda: camera.frames_captured >= 20, what="twenty frames")
    assert camera.frames_captured <= (time.monotonic() - started_s) * 50 + 1
