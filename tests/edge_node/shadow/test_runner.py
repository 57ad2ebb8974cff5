"""A bundle on trial judges beside the one that decides, on spare time, and says where it disagrees."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge_node.camera.backends.recording import iter_video
from edge_node.camera.frame import frame_now
from edge_node.config.delivery_sections import EvidenceConfig, MqttConfig, SpoolConfig
from edge_node.config.sections import BundleConfig, Config, NodeConfig, ShadowConfig
from edge_node.demo.run import CLIP
from edge_node.evidence.store import EvidenceStore
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inspection.inspectability import Thresholds
from edge_node.inspection.inspector import Inspector
from edge_node.inspection.verdict_recorder import VerdictRecorder
from edge_node.messages.shadow import Disagreement
from edge_node.messages.status import PartState
from edge_node.messages.topics import Kind
from edge_node.shadow.comparison import DecisionComparison, compare_decisions
from edge_node.shadow.runner import Shadow
from edge_node.spool.spool import Spool
from edge_node.view.recorded_view import read_view, restore_view
from edge_node.view.settings import ViewSettings
from edge_node.view.view import View
from tests.support.processes import wait_for
from tests.support.shadows import make_as_urgent_as_others, shadows_of


@pytest.fixture(scope="module")
def pictures():
    """Every eighth picture of the clip, over all that it shows but darkness and blur."""
    return list(iter_video(CLIP))[:240:8]


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory):
    """A bundle that abstains where the default one decides."""
    folder = shutil.copytree(DEFAULT_BUNDLE, tmp_path_factory.mktemp("bundles") / "doubtful")
    manifest = json.loads((folder / "bundle.json").read_text())
    manifest["version"] = "doubtful"
    for stage in manifest["cascade"]["stages"]:
        stage["abstain_below"] = 0.97
    (folder / "bundle.json").write_text(json.dumps(manifest))
    return folder


class Live:
    """The bundle that decides, as the main thread would use it."""

    def __init__(self, shadow, config, spool) -> None:
        self._shadow = shadow
        self._inspector = Inspector(Engine(load_bundle(DEFAULT_BUNDLE)), thresholds=Thresholds())
        self._recorder = VerdictRecorder(config, self._inspector.engine.bundle, spool.epoch)
        self._numbers = count(1)

    def decide(self, pixels, view=None):
        """Decide a picture, or a view of it, and leave it to the shadow."""
        self._shadow.give_way(True)
        seq = next(self._numbers)
        frame = frame_now(pixels, seq, "test")
        inspection = self._inspector.inspect(pixels, view=view)
        verdict = self._recorder.verdict(inspection.decision, frame, seq=seq, dropped=0, inference_ms=1.0)
        self._shadow.give_way(False)
        self._shadow.on_verdict(frame, inspection, verdict)
        return inspection.decision


@contextmanager
def shadowed(folder, bundle, **options):
    """Yield a running shadow of ``bundle``, the bundle in use beside it, and the spool."""
    options = {"share": 1.0, "min_interval_s": 0.0, "report_interval_s": 0.0, **options}
    config = Config(
        node=NodeConfig(site="quay", robot="crawler-1"),
        bundle=BundleConfig(path="default"),
        mqtt=MqttConfig(hostname="127.0.0.1"),
        shadow=ShadowConfig(path=str(bundle), **options),
    )
    spool = Spool.open(folder / "spool.sqlite", SpoolConfig())
    with spool, Shadow(config, spool, EvidenceStore(folder / "evidence", EvidenceConfig())) as shadow:
        yield shadow, Live(shadow, config, spool), spool


def is_ready(shadow):
    """Return whether the bundle is loaded."""
    for pid in shadows_of(os.getpid()):
        make_as_urgent_as_others(pid)
    return shadow.health.part.state is PartState.OK


def process_state(pid):
    """Return the kernel's letter: R running, S asleep, T stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


@pytest.mark.runtime
def test_it_counts_what_replay_would_and_reports_each_disagreement(pictures, doubtful, tmp_path):
    """Counts are those of comparing both bundles by hand; each report names verdict, paths and picture.

    Of every second picture a part of it is judged, turned: by the shadow too.
    """
    height, width = pictures[0].shape[:2]
    mask = np.full((height, width), 255, np.uint8)
    mask[:, : width // 2] = 0
    masked = View(ViewSettings(90, mask=mask))
    expected = DecisionComparison()
    trial = Inspector(Engine(load_bundle(doubtful)))
    with shadowed(tmp_path, doubtful) as (shadow, live, spool):
        wait_for(lambda: is_ready(shadow), 60, "the shadow's bundle")
        for number, pixels in enumerate(pictures, start=1):
            view = masked if number % 2 else None
            decided = live.decide(pixels, view)
            expected.note(compare_decisions(decided, trial.inspect(pixels, view=view).decision))
            wait_for(lambda wanted=number: shadow.health.counts.frames == wanted, 30, "the shadow's answer")
        health = shadow.health
        spool.flush(5)
        rows = spool.rows(Kind.SHADOW)
    assert health.counts == expected.summary()
    assert (health.old.version, health.new.version) == (
        load_bundle(DEFAULT_BUNDLE).manifest.version,
        "doubtful",
    )
    assert health.old.sha256 != health.new.sha256
    reports = [msgspec.json.decode(row.payload, type=Disagreement) for row in rows]
    assert len(reports) == health.counts.changed > 0
    assert [report.seq for report in reports] == list(range(1, len(reports) + 1))
    for report in reports:
        assert report.differs
        assert report.stages
        assert report.verdict.startswith(f"crawler-1:{spool.epoch}:")
        assert (report.old_bundle, report.new_bundle) == (health.old, health.new)
        picture = tmp_path / "evidence" / "teaching" / f"{report.evidence_sha256}.jpg"
        recorded = read_view(picture.read_bytes())
        assert (recorded is not None) == (int(report.verdict.rpartition(":")[2]) % 2 == 1)
        assert recorded is None or np.array_equal(restore_view(recorded).settings.mask, mask)


def test_reports_are_few_and_say_how_many_they_stand_for(pictures, doubtful, tmp_path):
    """Within the interval only the first is sent; health counts all the same."""
    with shadowed(tmp_path, doubtful, report_interval_s=3600, keep_pictures=False) as (shadow, live, spool):
        wait_for(lambda: is_ready(shadow), 60, "the shadow's bundle")
        for number, pixels in enumerate(pictures, start=1):
            live.decide(pixels)
            wait_for(lambda wanted=number: shadow.health.counts.frames == wanted, 30, "the shadow's answer")
        spool.flush(5)
        rows = spool.rows(Kind.SHADOW)
    assert shadow.health.counts.changed > 1
    assert len(rows) == 1
    assert msgspec.json.decode(rows[0].payload)["evidence_sha256"] is None


def test_it_stands_still_while_the_bundle_in_use_has_a_frame(pictures, tmp_path):
    """Its process is stopped in the middle of its work, and goes on when the frame is decided."""
    with shadowed(tmp_path, "default") as (shadow, live, _spool):
        wait_for(lambda: is_ready(shadow), 60, "the shadow's bundle")
        (pid,) = shadows_of(os.getpid())
        shadow.give_way(True)
        assert process_state(pid) != "T"  # it has no work: nothing to stop
        large = cv2.resize(pictures[0], (4000, 3000))
        live.decide(large)  # 36 MB to hand over: it is at work for a while
        wait_for(lambda: shadow.is_working, 5, "the shadow at work")
        shadow.give_way(True)
        wait_for(lambda: process_state(pid) == "T", 5, "the process being stopped")
        time.sleep(0.5)
        assert shadow.health.counts.frames == 0
        shadow.give_way(False)
        wait_for(lambda: shadow.health.counts.frames == 1, 60, "the shadow's answer")
        assert process_state(pid) != "T"


def test_it_may_work_beside_the_bundle_in_use_where_that_is_asked_for(pictures, tmp_path):
    """On a board with cores to spare a camera that never rests does not starve the trial."""
    with shadowed(tmp_path, "default", beside=True) as (shadow, live, _spool):
        wait_for(lambda: is_ready(shadow), 60, "the shadow's bundle")
        live.decide(pictures[0])
        shadow.give_way(True)
        wait_for(lambda: shadow.health.counts.frames == 1, 60, "the shadow's answer")


def test_of_many_frames_it_takes_the_newest(pictures, doubtful, tmp_path):
    """Frames do not queue for it: what was decided while it was not due is forgotten, but for the last."""
    live_says, trial_says = (
        Inspector(Engine(load_bundle(path))).inspect for path in (DEFAULT_BUNDLE, doubtful)
    )
    contested = [
        p for p in pictures if compare_decisions(live_says(p).decision, trial_says(p).decision).differs
    ]
    assert len(contested) > 3
    with shadowed(tmp_path, doubtful, min_interval_s=2.0) as (shadow, live, spool):
        wait_for(lambda: is_ready(shadow), 60, "the shadow's bundle")
        live.decide(contested[0])
        wait_for(lambda: shadow.health.counts.frames == 1, 30, "the first answer")
        for pixels in contested[1:]:
            live.decide(pixels)
        wait_for(lambda: shadow.health.counts.frames == 2, 30, "the second answer")
        time.sleep(0.3)
        spool.flush(5)
        judged = [msgspec.json.decode(row.payload)["verdict"] for row in spool.rows(Kind.SHADOW)]
    assert judged == [f"crawler-1:{spool.epoch}:{seq}" for seq in (1, len(contested))]


def test_its_share_of_the_time_is_kept(pictures, tmp_path):
    """With a share of half it rests at least as long as it worked."""
    with shadowed(tmp_path, "default", share=0.5) as (shadow, live, _spool):
        wait_for(lambda: is_ready(shadow), 60, "the shadow's bundle")
        began_s, took_s, worked_ms, seen = time.monotonic(), 0.0, 0.0, 0
        while seen < 6 and took_s < 240:  # a runtime may be slow, and the shadow comes last on a busy machine
            started = time.monotonic()
            live.decide(pictures[0])
            decided_s = time.monotonic() - started
            health = shadow.health
            if health.counts.frames > seen:
                seen, worked_ms = health.counts.frames, worked_ms + health.inference_ms
            took_s = time.monotonic() - began_s
            time.sleep(max(0.005, 2 * decided_s))  # a slow bundle would never give it a turn
    assert seen >= 6
    # The rest after the last one is still to come. Without any, six would take little longer than their work.
    assert worked_ms <= took_s * 1000 * 0.5 + health.inference_ms


def test_a_refused_bundle_is_told_and_the_one_before_goes_on(pictures, doubtful, tmp_path):
    """Refused: failing, in a sentence. Mended and reloaded: ready. Damaged again: the old one stays."""
    bundle = shutil.copytree(doubtful, tmp_path / "bundle")
    model = next(bundle.glob("*.tflite"))
    whole = model.read_bytes()
    model.write_bytes(whole[:-1])
    with shadowed(tmp_path, bundle) as (shadow, live, _spool):
        wait_for(lambda: not is_ready(shadow) and shadow.health.part.text != "is loaded", 60, "the refusal")
        assert shadow.health.part.state is PartState.FAILING
        assert f"refused: {model}: {len(whole) - 1} bytes" in shadow.health.part.text
        assert shadows_of(os.getpid()) == []
        model.write_bytes(whole)
        shadow.reload()
        wait_for(lambda: is_ready(shadow), 60, "the mended bundle")
        model.write_bytes(whole[:-1])
        shadow.reload()
        wait_for(lambda: is_ready(shadow) and "refused" in shadow.health.part.text, 60, "the second refusal")
        assert shadow.health.part.text.endswith("doubtful goes on")
        live.decide(pictures[0])
        wait_for(lambda: shadow.health.counts.frames == 1, 30, "an answer of the one that goes on")


def test_a_process_that_dies_is_started_again(pictures, tmp_path):
    """A bundle that crashes its runtime costs a count and a wait, and never the daemon."""
    with shadowed(tmp_path, "default") as (shadow, live, _spool):
        wait_for(lambda: is_ready(shadow), 60, "the shadow's bundle")
        os.kill(shadows_of(os.getpid())[0], signal.SIGKILL)
        live.decide(pictures[0])
        wait_for(lambda: shadow.health.ended == 1 and is_ready(shadow), 60, "another process")
        live.decide(pictures[0])
        wait_for(lambda: shadow.health.counts.frames == 1, 30, "the shadow's answer")
    assert shadows_of(os.getpid()) == []


def test_a_frame_that_nobody_judged_is_not_left_to_it(pictures, tmp_path):
    """Darkness is the gate's to say: both would say the same."""
    with shadowed(tmp_path, "default") as (shadow, live, _spool):
        wait_for(lambda: is_ready(shadow), 60, "the shadow's bundle")
        live.decide(pictures[0] // 16)
        time.sleep(0.5)
        assert shadow.health.counts.frames == 0
        live.decide(pictures[0])
        wait_for(lambda: shadow.health.counts.frames == 1, 30, "the shadow's answer")
