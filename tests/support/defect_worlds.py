"""A pipe with places that corrode, and robots that pass along it with a drifting distance: known truth."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np

from edge_node.messages.finding import ClosedBecause, Finding, FindingState
from edge_node.messages.verdict import BundleReference, Outcome, Pose, Verdict

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History

BEGIN = datetime(2026, 1, 5, 8, tzinfo=timezone.utc)
PASS_DAYS = 120
MATERIALS, FORMS = ("steel", "aluminium"), ("general", "pitting")


@dataclass(frozen=True)
class TruePlace:
    """A place that corrodes: where, how large at the first pass, how fast it grows, when it is there."""

    at_m: float
    area_mm2: float
    growth_mm2: float = 0.0
    material: str = "steel"
    form: str = "general"
    first_pass: int = 0
    last_pass: int = 99
    unseen: frozenset[int] = frozenset()

    def is_seen(self, number: int) -> bool:
        """Whether a pass finds it."""
        return self.first_pass <= number <= self.last_pass and number not in self.unseen


@dataclass(frozen=True)
class PassOf:
    """One way of one robot along the pipe."""

    number: int
    robot: str = "crawler-1"
    scale: float = 1.0
    offset_m: float = 0.0
    noise_m: float = 0.03
    is_descending: bool = False
    sigma_m: float | None = None
    asset: str | None = "pipe L-7"
    epoch: str = ""
    has_pose: bool = True
    clock_off: timedelta = timedelta()
    wrong_kinds: float = 0.05
    frames: int = 7

    @property
    def epoch_name(self) -> str:
        """The epoch of the robot's record."""
        return self.epoch or f"e{self.number}"


@dataclass
class Seen:
    """What a pass saw: findings with the index of the true place of each, and their verdicts."""

    findings: list[tuple[int, Finding]] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


def make_places(rng: np.random.Generator, count: int = 48, length_m: float = 60.0) -> list[TruePlace]:
    """Return places in pairs 0.3 m apart, some of which grow, come, are repaired or are not seen once."""
    pairs = count // 2
    begins = np.sort(rng.uniform(0.5, length_m - 0.5 * pairs, pairs)) + 0.5 * np.arange(pairs)
    places = []
    for begin in begins:
        for at_m in (float(begin), float(begin) + 0.3):
            place = TruePlace(
                at_m,
                float(rng.lognormal(6.5, 0.7)),
                material=str(rng.choice(MATERIALS)),
                form=str(rng.choice(FORMS)),
            )
            fate = rng.random()
            if fate < 0.25:
                place = replace(place, growth_mm2=place.area_mm2 * float(rng.uniform(0.5, 1.5)) / 365.25)
            elif fate < 0.35:
                place = replace(place, first_pass=int(rng.integers(1, 3)))
            elif fate < 0.45:
                place = replace(place, last_pass=int(rng.integers(0, 2)))
            elif fate < 0.55:
                place = replace(place, unseen=frozenset({int(rng.integers(0, 3))}))
            places.append(place)
    return places


def look(places: list[TruePlace], one: PassOf, rng: np.random.Generator, first_seq: int = 1) -> Seen:
    """Return what one pass finds of the places, in the order in which the robot comes by."""
    seen = Seen()
    seq = first_seq
    began = BEGIN + timedelta(days=PASS_DAYS * one.number)
    days = PASS_DAYS * one.number
    order = sorted(range(len(places)), key=lambda index: places[index].at_m, reverse=one.is_descending)
    for index in order:
        place = places[index]
        if not place.is_seen(one.number):
            continue
        at = began + timedelta(seconds=10 * seq) + one.clock_off
        own_m = one.offset_m + one.scale * place.at_m + float(rng.normal(0, one.noise_m))
        kind = place.material, place.form
        if rng.random() < one.wrong_kinds:
            kind = str(rng.choice(MATERIALS)), str(rng.choice(FORMS))
        areas = (place.area_mm2 + place.growth_mm2 * days) * rng.normal(1, 0.12, one.frames)
        verdicts = [
            _verdict(
                one,
                (seq + step, at + timedelta(seconds=step)),
                own_m + 0.02 * (step - one.frames // 2),
                kind,
                area,
            )
            for step, area in enumerate(areas)
        ]
        seen.verdicts += verdicts
        seen.findings.append((index, _finding(one, verdicts, kind)))
        seq += one.frames + 10
    return seen


def store(
    history: History, seen: Seen, received_at: datetime | None = None, *, verdicts: bool = True
) -> None:
    """Store what a pass saw, as if it had just come."""
    with history.transaction():
        for verdict in seen.verdicts if verdicts else ():
            history.add_verdict(verdict, received_at=received_at or verdict.observed_at)
        for _, finding in seen.findings:
            history.add_finding(finding, received_at=received_at or finding.last_observed_at)


def _verdict(
    one: PassOf, when: tuple[int, datetime], own_m: float, kind: tuple[str, str], area_mm2: float
) -> Verdict:
    seq, at = when
    return Verdict(
        id=f"{one.robot}:{one.epoch_name}:{seq}",
        seq=seq,
        site="quay",
        robot=one.robot,
        asset=one.asset,
        pose=Pose(distance_m=round(own_m, 4), sigma_m=one.sigma_m) if one.has_pose else None,
        outcome=Outcome.CORRODED,
        material=kind[0],
        condition_confidence=0.95,
        form=kind[1],
        severity="mid",
        severity_confidence=0.9,
        area_fraction=min(float(area_mm2) / 20_000, 1.0),
        area_mm2=float(max(area_mm2, 1.0)),
        mm_per_px=0.2,
        observed_at=at,
        monotonic_ns=seq * 1_000_000_000,
        boot_id="b",
        time_quality="synchronized",
        bundle=BundleReference(name="b", version="1", sha256="0" * 64),
        config_sha256="0" * 64,
        source="v4l2:0",
        frame_id=seq,
        frame_age_ms=1.0,
        frames_dropped=0,
        inference_ms=1.0,
    )


def _finding(one: PassOf, verdicts: list[Verdict], kind: tuple[str, str]) -> Finding:
    first, last = verdicts[0], verdicts[-1]
    worst = max(verdicts, key=lambda verdict: verdict.area_mm2 or 0.0)
    poses = sorted(
        (verdict.pose for verdict in verdicts if verdict.pose), key=lambda pose: pose.distance_m or 0.0
    )
    return Finding(
        id=f"{one.robot}:{one.epoch_name}:f{first.seq}",
        state=FindingState.CLOSED,
        closed_because=ClosedBecause.ABSENT,
        site="quay",
        robot=one.robot,
        asset=one.asset,
        material=kind[0],
        form=kind[1],
        first_observed_at=first.observed_at,
        last_observed_at=last.observed_at,
        first_verdict=first.id,
        last_verdict=last.id,
        best_verdict=worst.id,
        frames=len(verdicts),
        peak_confidence=0.95,
        peak_severity="mid",
        peak_area_fraction=worst.area_fraction,
        peak_area_mm2=worst.area_mm2,
        from_pose=poses[0] if poses else None,
        to_pose=poses[-1] if poses else None,
    )
