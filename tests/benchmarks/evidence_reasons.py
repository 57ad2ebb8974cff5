"""How many pictures, and how many bytes, does each reason to keep a picture cost?

    python -m tests.benchmarks.evidence_reasons [--minutes 10] [--fps 10]

The demonstration's clip is played again and again along a pipe, each time a little darker or brighter, so
that no round repeats the last one's figures. Every frame is judged by the default bundle, which abstains
below 0.8 here, so that some frames are uncertain; as it is, it takes the shadow's place. Policy, tracker of
findings, JPEGs with their marking and folder are the robot's own; time is that of the clip.

Three columns: with the default budgets and cool-downs, without any, and the reason alone with its defaults. A
picture with several reasons counts for each of them in the first two columns, and once in the sum. Thumbnails
are what is sent by itself.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np

from edge_node.camera.backends.recording import iter_video
from edge_node.camera.frame import frame_now
from edge_node.config.delivery_sections import EvidenceBudgets, EvidenceConfig, EvidenceCoolDowns
from edge_node.config.sections import FindingsConfig
from edge_node.demo.run import CLIP
from edge_node.evidence.store import EvidenceStore
from edge_node.findings.tracker import FindingTracker
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inspection.inspectability import Thresholds
from edge_node.inspection.inspector import Inspector, make_marking
from edge_node.inspection.verdict_recorder import VerdictRecorder
from edge_node.messages.verdict import EvidenceReason, Pose
from edge_node.shadow.comparison import compare_decisions
from tests.support.robot_loop import CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_node.inspection.inspector import Inspection
    from edge_node.messages.verdict import Verdict

SPEED_M_PER_S = 0.05
SHADOW_EVERY_S = 1.0  # [shadow] min_interval_s
ABSTAIN_BELOW = 0.8
REASONS = tuple(reason for reason in EvidenceReason if reason is not EvidenceReason.SNAPSHOT)
KEPT_FOR = tuple(reason.value for reason in REASONS)
NO_BUDGETS = EvidenceBudgets(**dict.fromkeys(EvidenceBudgets.__struct_fields__))
NO_COOL_DOWNS = EvidenceCoolDowns(**dict.fromkeys(EvidenceCoolDowns.__struct_fields__, 0.0))


@dataclasses.dataclass(frozen=True, slots=True)
class Judged:
    """One frame of the clip, what both bundles decide on it, and when and where it was seen."""

    at_s: float
    pixels: np.ndarray
    inspection: Inspection
    verdict: Verdict
    is_disputed: bool


@dataclasses.dataclass(slots=True)
class Kept:
    """The pictures that one configuration keeps."""

    pictures: Counter[str] = dataclasses.field(default_factory=Counter)
    bytes: Counter[str] = dataclasses.field(default_factory=Counter)
    thumbnails: int = 0
    thumbnail_bytes: int = 0

    def note(self, size: int, reasons: tuple[str, ...]) -> None:
        """Count a picture for each of its reasons, and once in all."""
        for reason in (*reasons, ""):
            self.pictures[reason] += 1
            self.bytes[reason] += size


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--fps", type=float, default=10)
    args = parser.parse_args()
    frames = round(args.minutes * 60 * args.fps)
    configurations = {
        "defaults": EvidenceConfig(),
        "no bounds": EvidenceConfig(
            per_hour=NO_BUDGETS, cool_down_s=NO_COOL_DOWNS, min_interval_s=0.0, sample_every=1, max_mb=100_000
        ),
        "0.7.0": EvidenceConfig(keep=("corroded", "sample")),
        **{reason: EvidenceConfig(keep=(reason,)) for reason in KEPT_FOR},
    }
    with tempfile.TemporaryDirectory() as folder:
        robots = {name: _Robot(Path(folder) / name, config) for name, config in configurations.items()}
        outcomes: Counter[str] = Counter()
        for judged in judge_clip(frames, args.fps):
            outcomes[judged.verdict.outcome.value] += 1
            for robot in robots.values():
                robot.see(judged)
        kept = {name: robot.finish() for name, robot in robots.items()}
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    print(f"{frames} frames in {args.minutes:g} minutes: {counts}\n")
    print_table(kept)


def judge_clip(frames: int, fps: float) -> Iterator[Judged]:
    """Yield the frames of the clip, round by round, each with the decisions of both bundles."""
    clip = list(iter_video(CLIP))
    shadow = Inspector(Engine(load_bundle(DEFAULT_BUNDLE)))
    inspector = Inspector(_doubtful(shadow.engine), thresholds=Thresholds())
    recorder = VerdictRecorder(CONFIG, inspector.engine.bundle, "epoch")
    shadow_due_s = 0.0
    for number in range(frames):
        at_s, turn = number / fps, number // len(clip)
        gain = 1 + 0.08 * np.sin(turn * 1.7)
        pixels = cv2.convertScaleAbs(clip[number % len(clip)], alpha=gain)
        frame = msgspec.structs.replace(frame_now(pixels, number, "clip"), captured_at_ns=int(at_s * 1e9))
        inspection = inspector.inspect(pixels)
        verdict = recorder.verdict(
            inspection.decision,
            frame,
            seq=number + 1,
            dropped=0,
            inference_ms=inspection.inference_ms,
            pose=Pose(distance_m=at_s * SPEED_M_PER_S),
        )
        is_disputed = False
        if inspection.decision.stages and at_s >= shadow_due_s:
            shadow_due_s = at_s + SHADOW_EVERY_S
            said = shadow.inspect(pixels).decision
            is_disputed = bool(compare_decisions(inspection.decision, said).differs)
        yield Judged(at_s, pixels, inspection, verdict, is_disputed)


def print_table(kept: dict[str, Kept]) -> None:
    """Print pictures and bytes for each reason."""
    print(f"{'reason':<14} {'with its bounds':>20} {'without bounds':>20} {'alone':>20}")
    for reason in KEPT_FOR:
        cells = (_cell(kept["defaults"], reason), _cell(kept["no bounds"], reason), _cell(kept[reason], ""))
        print(f"{reason:<14} {cells[0]:>20} {cells[1]:>20} {cells[2]:>20}")
    sums = _cell(kept["defaults"], ""), _cell(kept["no bounds"], "")
    print(f"{'all together':<14} {sums[0]:>20} {sums[1]:>20}")
    print(f"{'as 0.7.0 did':<14} {_cell(kept['0.7.0'], ''):>20}")
    now, before = kept["defaults"], kept["0.7.0"]
    print(f"\nbytes against 0.7.0: {now.bytes[''] / max(1, before.bytes['']):.2f}", end="; ")
    print(f"thumbnails {_thumbnails(now)} against {_thumbnails(before)}")


class _Robot:
    """The parts of one robot that choose pictures and keep them."""

    def __init__(self, folder: Path, config: EvidenceConfig) -> None:
        self._now_s = 0.0
        self._store = EvidenceStore(folder, config, clock_s=lambda: self._now_s)
        self._tracker = FindingTracker(FindingsConfig())
        self._kept = Kept()
        self._report_due_s = 0.0

    def see(self, judged: Judged) -> None:
        """Keep the frame's picture if there is a reason, and track its verdict."""
        self._now_s = judged.at_s
        needed = self._tracker.preview(judged.verdict)
        reasons = self._store.reasons(judged.verdict, needed, judged.at_s)
        sha256 = None
        if reasons:
            marking = make_marking(judged.inspection)
            kind = judged.verdict.material, judged.verdict.form
            sha256 = self._store.keep(judged.pixels, reasons, marking=marking, finding=kind)
            self._note(sha256, tuple(reason.value for reason in reasons))
        self._send()
        self._tracker.see(msgspec.structs.replace(judged.verdict, evidence_sha256=sha256))
        if judged.is_disputed and judged.at_s >= self._report_due_s:
            self._report_due_s = judged.at_s + 10.0  # [shadow] report_interval_s
            found = self._store.keep_for_shadow(judged.pixels, sha256, judged.at_s)
            if found is not None and found == sha256:
                self._kept.pictures["shadow"] += 1
                self._kept.bytes["shadow"] += self._size_of(found)
            elif found is not None:
                self._note(found, ("shadow",))

    def finish(self) -> Kept:
        """Return what was kept."""
        self._now_s += 60
        self._send()
        return self._kept

    def _send(self) -> None:
        while (thumbnail := self._store.next_picture()) is not None:
            self._kept.thumbnails += 1
            self._kept.thumbnail_bytes += len(thumbnail.content)

    def _size_of(self, sha256: str) -> int:
        self._store.request(sha256)
        picture = self._store.next_picture()
        return 0 if picture is None else len(picture.content)

    def _note(self, sha256: str | None, reasons: tuple[str, ...]) -> None:
        if sha256 is None:
            return
        self._kept.note(self._size_of(sha256), reasons)


def _doubtful(engine: Engine) -> Engine:
    """Return an engine of the same models that abstains where they are not sure."""
    bundle = engine.bundle
    stages = tuple(
        msgspec.structs.replace(stage, abstain_below=max(stage.abstain_below, ABSTAIN_BELOW))
        for stage in bundle.manifest.cascade.stages
    )
    cascade = msgspec.structs.replace(bundle.manifest.cascade, stages=stages)
    manifest = msgspec.structs.replace(bundle.manifest, cascade=cascade)
    return Engine(msgspec.structs.replace(bundle, manifest=manifest))


def _thumbnails(kept: Kept) -> str:
    return f"{kept.thumbnails:,} · {kept.thumbnail_bytes / 1e6:.1f} MB"


def _cell(kept: Kept, reason: str) -> str:
    return f"{kept.pictures[reason]:,} · {kept.bytes[reason] / 1e6:,.1f} MB"


if __name__ == "__main__":
    main()
