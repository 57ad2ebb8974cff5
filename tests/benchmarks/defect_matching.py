"""How well three passes along one pipe become defects, held against the truth: precision, recall, growth.

First many worlds of verdicts: at least 40 places in pairs 0.3 m apart, up to 5 % drift of each pass, places
that grow, come, are repaired or are not seen once. Then one world of rendered pictures, judged by the default
bundle, through the robot's own tracker of findings; and the same pictures without a pose, of which pairs are
offered. A pair is two findings: precision is the share of the pairs of one defect that are one place.

    python -m tests.benchmarks.defect_matching [--seeds 50] [--no-pictures]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the daemon does
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cv2
import msgspec
import numpy as np

from converter.specimens.rendering import render
from converter.specimens.spec import Finish, Material, SpecimenSpec
from edge_node.config.sections import BundleConfig, FindingsConfig, InspectConfig
from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import StoredPicture
from edge_node.findings.tracker import FindingTracker
from edge_node.inference.loading import load_engine
from edge_node.inspection.inspector import configured_inspector
from edge_node.messages.finding import Finding, FindingState
from edge_node.messages.verdict import BundleReference, Pose, Verdict
from tests.support.defect_worlds import BEGIN, PASS_DAYS, PassOf, look, make_places, store

PASSES, COUNT = 3, 44
WIDTH_PX, HEIGHT_PX, MM_PER_PX = 320, 240, 0.4
STEP_M, VIEWS, SOUND_VIEWS = 0.02, 5, 3
MATERIALS = ((Material.STEEL, Finish.ROLLED, 40.0), (Material.ALUMINIUM, Finish.ROLLED, 160.0))
Truth = dict[tuple[str, str], int]


def main() -> int:
    """Print a table for each kind of world."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--no-pictures", action="store_true")
    args = parser.parse_args()
    if args.seeds:
        _print_all(args.seeds)
    if not args.no_pictures:
        measure_pictures(7)
    return 0


def _print_all(seeds: int) -> None:
    print(f"{seeds} worlds of verdicts, {COUNT} places, {PASSES} passes")
    print(f"{'':<34}{'precision':>22}{'recall':>22}{'cpu s':>8}{'growth in interval':>20}{'false':>7}")
    for name, fields in WORLDS.items():
        _print_worlds(name, [measure_world(seed, **fields) for seed in range(seeds)])


WORLDS: dict[str, dict[str, Any]] = {
    "5 % drift, 30 mm noise": {},
    "the same, 60 mm noise": {"noise_m": 0.06},
    "the same, begins up to 1 m off": {"off_m": 1.0},
    "the same, every second one back": {"is_back": True},
    "the same, one kind in four is wrong": {"wrong_kinds": 0.25},
}


def measure_world(
    seed: int, *, noise_m: float = 0.03, off_m: float = 0.0, is_back: bool = False, wrong_kinds: float = 0.05
) -> dict[str, float]:
    """Return the figures of one world of verdicts."""
    rng = np.random.default_rng(seed)
    places = make_places(rng, COUNT)
    truth: Truth = {}
    with tempfile.TemporaryDirectory() as folder, closing(History(Path(folder))) as history:
        book = DefectBook(history.database)
        cpu_s = 0.0
        for number in range(PASSES):
            one = PassOf(
                number,
                scale=1 + float(rng.uniform(-0.05, 0.05)),
                offset_m=float(rng.uniform(-off_m, off_m)),
                noise_m=noise_m,
                wrong_kinds=wrong_kinds,
                is_descending=is_back and number % 2 == 1,
            )
            seen = look(places, one, rng)
            store(history, seen)
            truth |= {("quay", finding.id): index for index, finding in seen.findings}
            began_s = time.process_time()
            book.catch_up()
            cpu_s += time.process_time() - began_s
        figures = compare(book, truth) | {"cpu_s": cpu_s}
        rates = {index: place.growth_mm2 * 365.25 for index, place in enumerate(places)}
        return figures | compare_growth(book, truth, rates)


def compare(book: DefectBook, truth: Truth) -> dict[str, float]:
    """Return precision and recall of pairs of findings."""
    wanted, found = _pairs(truth), _pairs(book.of_findings(truth))
    right = len(wanted & found)
    return {"precision": right / max(len(found), 1), "recall": right / max(len(wanted), 1)}


def compare_growth(book: DefectBook, truth: Truth, rates: dict[int, float]) -> dict[str, float]:
    """Return how often the interval holds the true rate, and how often growing is said of what does not."""
    held = told = false = resting = 0
    of = book.of_findings(truth)
    indexes: dict[int, set[int]] = {}
    for finding, key in of.items():
        indexes.setdefault(key, set()).add(truth[finding])
    for one in book.defects():
        growth = one.growth
        if growth.low is None or growth.high is None or len(indexes.get(one.key, ())) != 1:
            continue
        rate = rates[indexes[one.key].pop()]
        told += 1
        held += growth.low <= rate <= growth.high
        resting += rate == 0
        false += rate == 0 and growth.trend.value == "growing"
    return {"held": held, "told": told, "false": false, "resting": resting}


def measure_pictures(seed: int) -> None:
    """Print the figures of one world of rendered pictures, with a pose and without."""
    rng = np.random.default_rng(seed)
    places = make_places(rng, COUNT)
    inspector = configured_inspector(InspectConfig(), load_engine(BundleConfig(path="default")))
    with tempfile.TemporaryDirectory() as folder, closing(History(Path(folder))) as history:
        book, truth, blind = DefectBook(history.database), {}, {}
        areas: dict[tuple[int, int], float] = {}
        frames = 0
        began_s = time.process_time()
        for number in range(PASSES):
            drive = _Drive(number, 1 + float(rng.uniform(-0.05, 0.05)), inspector, rng)
            for index in sorted(range(len(places)), key=lambda index: places[index].at_m):
                place = places[index]
                if place.is_seen(number):
                    hours = 1.0 if place.growth_mm2 == 0 else 1 + 0.35 * number
                    areas[index, number] = drive.pass_by(index, place.at_m, hours)
                else:
                    drive.pass_by(index, place.at_m, 0.0)
            frames += drive.frames
            named = drive.store(history)
            truth |= {("quay", finding_id): index for finding_id, index in named.items()}
            blind |= {("quay", "b" + finding_id): index for finding_id, index in named.items()}
        print(f"\n{frames} rendered pictures, {time.process_time() - began_s:.0f} s")
        book.catch_up()
        figures = compare(book, truth)
        print(f"findings {len(truth)}, of places seen {len(areas)}")
        print(f"precision {figures['precision']:.3f}, recall {figures['recall']:.3f}")
        rates = {index: _rate(areas, index) for index in range(len(places))}
        growth = compare_growth(book, truth, rates)
        print(f"growth in its interval {growth['held']} of {growth['told']}")
        print(f"called growing: {sum(one.state.value == 'growing' for one in book.defects())}")
        _print_pairs(book, {f[1]: index for f, index in blind.items()})


class _Drive:
    """One pass along the pipe: rendered pictures, the models, the tracker of findings."""

    def __init__(self, number: int, scale: float, inspector: Any, rng: np.random.Generator) -> None:
        self._number, self._scale, self._inspector, self._rng = number, scale, inspector, rng
        # Neighbours 0.3 m apart are findings of their own where few clean pictures part them.
        self._tracker = FindingTracker(FindingsConfig(close_frames=2, gap_m=0.15, open_frames=2, of_frames=4))
        self._verdicts: list[tuple[Verdict, bytes]] = []
        self._findings: dict[str, Finding] = {}
        self._places: dict[str, int] = {}
        self.frames = 0

    def pass_by(self, index: int, at_m: float, hours: float) -> float:
        """Look at a place from several views, then at sound metal; return the corroded area, in mm²."""
        material, finish, corroded_hours = MATERIALS[index % 2]
        shares = []
        for step in range(VIEWS + SOUND_VIEWS):
            is_sound = step >= VIEWS or hours == 0.0
            spec = SpecimenSpec(
                *(material, finish, 0.0 if is_sound else corroded_hours * hours),
                seed=1000 + index,
                view=self._number * 20 + step,
            )
            specimen = render(spec, WIDTH_PX, HEIGHT_PX)
            if not is_sound:
                shares.append(float((specimen.mask > 127).mean()))
            own_m = self._scale * (at_m + STEP_M * (step - VIEWS // 2)) + float(self._rng.normal(0, 0.01))
            self._see(specimen.pixels, own_m, index)
        return float(np.mean(shares)) * WIDTH_PX * HEIGHT_PX * MM_PER_PX**2 if shares else 0.0

    def store(self, history: History) -> dict[str, int]:
        """Store what was seen, once with a pose and once without; return the place of each finding."""
        for verdict, jpeg in self._verdicts:
            history.add_verdict(verdict, received_at=verdict.observed_at)
            if verdict.evidence_sha256:
                picture = StoredPicture("quay", "crawler-1", verdict.evidence_sha256, False, jpeg)
                history.add_picture(picture)
        for finding in self._findings.values():
            closed = msgspec.structs.replace(finding, state=FindingState.CLOSED)
            history.add_finding(closed, received_at=finding.last_observed_at)
            blind = msgspec.structs.replace(
                closed, id=f"b{closed.id}", asset="blind", from_pose=None, to_pose=None
            )
            history.add_finding(blind, received_at=finding.last_observed_at)
        return self._places

    def _see(self, pixels: np.ndarray, own_m: float, index: int) -> None:
        self.frames += 1
        decision = self._inspector.inspect(pixels).decision
        jpeg = cv2.imencode(".jpg", pixels)[1].tobytes()
        share = decision.area_fraction
        verdict = Verdict(
            **{name: getattr(decision, name) for name in decision.__struct_fields__}
            | {
                "area_mm2": None if share is None else share * WIDTH_PX * HEIGHT_PX * MM_PER_PX**2,
                "mm_per_px": MM_PER_PX,
            },
            id=f"crawler-1:e{self._number}:{self.frames}",
            seq=self.frames,
            site="quay",
            robot="crawler-1",
            asset="pipe",
            pose=Pose(distance_m=own_m),
            observed_at=BEGIN + timedelta(days=PASS_DAYS * self._number, seconds=self.frames),
            monotonic_ns=self.frames * 10**9,
            boot_id="b",
            time_quality="synchronized",
            bundle=BundleReference(name="default", version="1", sha256="0" * 64),
            config_sha256="0" * 64,
            source="rendered",
            frame_id=self.frames,
            frame_age_ms=1.0,
            frames_dropped=0,
            inference_ms=1.0,
            evidence_sha256=hashlib.sha256(jpeg).hexdigest(),
        )
        self._verdicts.append((verdict, jpeg))
        for finding in self._tracker.see(verdict):
            self._findings[finding.id] = finding
            self._places.setdefault(finding.id, index)


def _rate(areas: dict[tuple[int, int], float], index: int) -> float:
    """Return how fast the true area of a place grew, in mm² a year."""
    seen = [(number, areas[index, number]) for number in range(PASSES) if (index, number) in areas]
    if len(seen) < PASSES:
        return 0.0
    slope = float(np.polyfit([number * PASS_DAYS for number, _ in seen], [area for _, area in seen], 1)[0])
    return slope * 365.25


def _print_pairs(book: DefectBook, places: dict[str, int]) -> None:
    began_s = time.process_time()
    pairs = book.pairs("quay", "blind")
    right = sum(places[pair.one.finding_id] == places[pair.other.finding_id] for pair in pairs)
    joined = len(book.of_findings(("quay", name) for name in places))
    print(
        f"without a pose: {len(pairs)} pairs offered, {right} of them one place,"
        f" {joined} joined without a person, {time.process_time() - began_s:.1f} s"
    )


def _print_worlds(name: str, found: list[dict[str, float]]) -> None:
    def spread(key: str) -> str:
        values = sorted(one[key] for one in found)
        return f"{np.mean(values):.4f} (least {values[0]:.3f})"

    sums = {key: sum(one[key] for one in found) for key in ("held", "told", "false", "resting")}
    print(
        f"{name:<34}{spread('precision'):>22}{spread('recall'):>22}"
        f"{np.mean([one['cpu_s'] for one in found]):>8.2f}"
        f"{100 * sums['held'] / max(sums['told'], 1):>18.1f} %"
        f"{100 * sums['false'] / max(sums['resting'], 1):>5.1f} %",
        flush=True,
    )


def _pairs(labels: dict[tuple[str, str], int]) -> set[tuple[tuple[str, str], ...]]:
    """Return all pairs of findings that have one label."""
    groups: dict[int, list[tuple[str, str]]] = {}
    for finding, label in labels.items():
        groups.setdefault(label, []).append(finding)
    return {pair for found in groups.values() for pair in combinations(sorted(found), 2)}


if __name__ == "__main__":
    raise SystemExit(main())
