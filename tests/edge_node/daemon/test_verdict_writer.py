"""The verdict writer with a real spool and store: whose pictures are kept, and how long verdicts are."""

from __future__ import annotations

import shutil
from itertools import count

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from edge_node.camera.frame import frame_now
from edge_node.config.delivery_sections import EvidenceConfig, SpoolConfig
from edge_node.config.sections import FindingsConfig
from edge_node.daemon.inference_thread import Judge, Judged, Prepared
from edge_node.daemon.verdict_writer import VerdictWriter
from edge_node.evidence.store import EvidenceStore
from edge_node.evidence.thread import EvidenceThread
from edge_node.findings.candidate import TrackerState
from edge_node.findings.log import FindingLog
from edge_node.inspection.inspector import Inspection
from edge_node.inspection.pose_track import PoseTrack
from edge_node.inspection.verdict_recorder import VerdictRecorder
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import Decision, Outcome, Pose
from edge_node.spool.rows import Keep
from edge_node.spool.spool import Spool
from tests.support.processes import wait_for
from tests.support.robot_loop import CONFIG

FRAME = frame_now(np.full((8, 8, 3), 99, np.uint8), 5, "test")


@pytest.fixture
def spool(tmp_path):
    """Return a real spool on disk."""
    with Spool.open(tmp_path / "spool.sqlite", SpoolConfig()) as opened:
        yield opened


@pytest.fixture
def write(tmp_path, spool):
    """Return a function that makes a writer; its evidence thread runs."""
    started = []

    def make(pose=None, requests=(), preview=lambda _verdict, _waiting: None, **config):
        store = EvidenceStore(tmp_path / "evidence", EvidenceConfig(**config))
        pictures, pose = EvidenceThread(lambda: None), pose or PoseTrack(1000.0)
        started.append(VerdictWriter(spool, store, pictures, pose, requests=requests, preview=preview))
        started[-1].start()
        return started[-1]

    yield make
    for writer in started:
        writer.stop()


def inspected(outcome: Outcome, **fields) -> Inspection:
    """Return an inspection with this outcome."""
    return Inspection(Decision(outcome=outcome, **fields), None, 1.0)


@pytest.fixture
def judge(engine, spool):
    """Return a function that judges the next frame; no two look alike."""
    recorder, numbers = VerdictRecorder(CONFIG, engine.bundle, spool.epoch), count(1)

    def make(frame=None):
        number = next(numbers)
        frame = frame or frame_now(np.full((8, 8, 3), number, np.uint8), number, "test")
        return Judged(Prepared(frame, Judge(None, recorder), None), 2, ())

    return make


def corroded(severity: str, area: float) -> Inspection:
    """Return a sure inspection of corroded steel."""
    sure = {"condition_confidence": 0.9, "severity_confidence": 0.9}
    return inspected(Outcome.CORRODED, material="steel", severity=severity, area_fraction=area, **sure)


def test_a_picture_is_kept_where_the_rules_or_a_command_want_it(write, judge, tmp_path) -> None:
    """Every request is asked once for each frame, whatever the others and the rules say."""
    asked = []
    writer = write(
        requests=[lambda frame: asked.append(("a", frame)) or True, lambda frame: asked.append(("b", frame))],
        sample_every=0,
    )
    pending = writer.keep_picture(judge(FRAME), inspected(Outcome.UNCORRODED))
    assert asked == [("a", FRAME), ("b", FRAME)]
    wait_for(lambda: any((tmp_path / "evidence" / "corroded").iterdir()), what="the picture")
    assert pending is not None
    without = write(sample_every=0)
    assert without.keep_picture(judge(FRAME), inspected(Outcome.UNCORRODED)) is None
    assert without.keep_picture(judge(FRAME), inspected(Outcome.CORRODED)) is not None


def test_a_verdict_has_the_pose_of_its_capture_and_lasts_as_long_as_it_is_worth(write, spool, judge) -> None:
    """Corroded verdicts outlive undecided ones in a full spool, and these uncorroded ones."""
    track = PoseTrack(1000.0)
    track.add(Pose(distance_m=4.5), FRAME.captured_at_ns)
    writer = write(track)
    judged = judge(FRAME)
    outcomes = (Outcome.CORRODED, Outcome.UNCORRODED, Outcome.UNCERTAIN, Outcome.NOT_INSPECTABLE)
    found = [
        writer.append(judged, inspected(outcome), dropped=2, evidence_sha256="0" * 64) for outcome in outcomes
    ]
    assert [(verdict.seq, verdict.frames_dropped, verdict.frame_id) for verdict in found] == [
        (seq, 2, 5) for seq in (1, 2, 3, 4)
    ]
    assert (found[0].pose, found[0].pose_age_ms) == (Pose(distance_m=4.5), 0.0)
    assert found[0].evidence_sha256 == "0" * 64
    assert [verdict.frames_unchanged for verdict in found] == [0, 0, 0, 0]
    for unchanged, since in ((40, 40), (40, 0), (45, 5)):
        skipped = judge(replace(FRAME, unchanged=unchanged))
        one = writer.append(skipped, inspected(Outcome.CORRODED), dropped=0, evidence_sha256=None)
        assert one.frames_unchanged == since
    assert spool.flush(5)
    assert [row.keep for row in spool.rows(Kind.VERDICT)] == [
        *(Keep.HIGH, Keep.LOW, Keep.NORMAL, Keep.NORMAL),
        *(Keep.HIGH, Keep.HIGH, Keep.HIGH),
    ]


def record(writer, findings, seen, judge, ahead=1):
    """Look at frames ``ahead`` by ``ahead``, then record them; return verdicts and findings that changed."""
    verdicts, reports = [], []
    while len(verdicts) < len(seen):
        concluded = []
        for severity, area in seen[len(verdicts) : len(verdicts) + ahead]:
            judged, inspection = judge(), corroded(severity, area)
            concluded.append((judged, inspection, writer.keep_picture(judged, inspection)))
        for judged, inspection, picture in concluded:
            wait_for(lambda picture=picture: picture is None or picture.is_settled, what="the picture")
            name = None if picture is None else picture.sha256
            verdicts.append(writer.append(judged, inspection, dropped=0, evidence_sha256=name))
            reports += findings.see(verdicts[-1])
    return verdicts, reports


def tracked(findings, folder):
    """Return the finding as the tracker's state is saved."""
    findings.close()
    saved = (folder / "findings.json").read_bytes()
    return msgspec.json.decode(saved, type=TrackerState).candidates[0].finding


@pytest.fixture
def findings(spool, tmp_path):
    """Return a real log of findings."""
    return FindingLog(FindingsConfig(open_frames=2, of_frames=3), tmp_path, spool)


WORSENING = [
    *(("mid", 0.14), ("mid", 0.14), ("late", 0.1), ("late", 1.0), ("late", 0.9), ("mid", 1.0)),
    *(("late", 1.0), ("late", 1.0)),
]


@pytest.mark.parametrize("ahead", [1, 2, 8])
def test_a_findings_picture_is_its_worst_however_soon_it_comes(write, judge, findings, tmp_path, ahead):
    """Frames are looked at while those before them are not recorded yet: each that is worse is kept, once."""
    writer = write(preview=findings.preview, min_interval_s=3600, sample_every=0)
    verdicts, reports = record(writer, findings, WORSENING, judge, ahead)
    first, worse = ("finding_first", "corroded"), ("finding_worse",)
    assert [verdict.evidence_reasons for verdict in verdicts] == [first, (), worse, worse, (), (), (), ()]
    assert [found.best_evidence.severity for found in reports] == ["mid", "late"]
    found = tracked(findings, tmp_path)
    assert found.best_verdict == found.best_evidence.verdict == verdicts[3].id
    assert found.best_evidence_sha256 == verdicts[3].evidence_sha256
    assert (found.best_evidence.severity, found.best_evidence.area_fraction) == ("late", 1.0)


def test_a_finding_says_which_picture_it_shows_where_the_worst_is_not_kept(write, judge, findings, tmp_path):
    """With pictures by interval alone the worst may be missed: severity and area are those of the picture."""
    writer = write(preview=findings.preview, keep=("corroded",), min_interval_s=3600)
    verdicts, _ = record(writer, findings, WORSENING, judge, 4)
    assert [verdict.evidence_reasons for verdict in verdicts] == [("corroded",), *[()] * 7]
    found = tracked(findings, tmp_path)
    assert (found.best_verdict, found.best_evidence.verdict) == (verdicts[3].id, verdicts[0].id)
    assert (found.best_evidence.severity, found.best_evidence.area_fraction) == ("mid", 0.14)
    assert found.peak_severity == "late"


def test_a_finding_without_pictures_claims_none(write, judge, findings, tmp_path):
    """Switched off, no verdict has a picture or a reason for one."""
    writer = write(preview=findings.preview, keep=False)
    verdicts, _ = record(writer, findings, WORSENING, judge)
    assert {verdict.evidence_reasons for verdict in verdicts} == {()}
    found = tracked(findings, tmp_path)
    assert found.best_evidence is found.best_evidence_sha256 is None


def test_a_picture_that_the_disk_did_not_take_is_made_up_for(write, judge, findings, tmp_path):
    """The next frame as bad is kept in its place, and the finding names it."""
    writer = write(preview=findings.preview, min_interval_s=3600, sample_every=0)
    (first,), _ = record(writer, findings, [("mid", 0.14)], judge)
    folder = tmp_path / "evidence" / "teaching"
    shutil.rmtree(folder)
    folder.touch()  # no picture can be written now
    (lost,), _ = record(writer, findings, [("late", 1.0)], judge)
    folder.unlink()
    (again,), _ = record(writer, findings, [("late", 0.8)], judge)
    assert (first.evidence_reasons, lost.evidence_reasons) == (("finding_first", "corroded"), ())
    assert again.evidence_reasons == ("finding_worse",)
    found = tracked(findings, tmp_path)
    assert (found.best_verdict, found.best_evidence.verdict) == (lost.id, again.id)
    assert found.best_evidence_sha256 == again.evidence_sha256
