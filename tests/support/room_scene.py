"""A control room with all that a page must show whole: long names, two of one name, no pose, RTL, alarms."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import msgspec

from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import StoredPicture
from edge_node.demo import __file__ as demo
from edge_node.messages.finding import BestEvidence, ClosedBecause, Finding, FindingState
from edge_node.messages.status import (
    Alarm,
    Health,
    OfflineReason,
    Part,
    PartState,
    Presence,
    SpoolDepth,
    Status,
)
from edge_node.messages.verdict import BundleReference, Pose, Reason, StageVerdict, Verdict
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.collector import Collector

LONG_NAME = "inspection-crawler-of-the-north-pier-041"
LONG_ASSET = "Rohrleitung-Nordpier-Abschnitt-17b-Schweissnahtueberwachungsstrecke-Ost"
RTL_ASSET = "أنبوب الرصيف الشمالي"
BUNDLE = BundleReference(name="steel-aluminium", version="1.4", sha256="5f0c" * 16)
_PATH_M = 60.0
_SYNCHRONIZED = Part(state=PartState.OK, text="synchronized")


@dataclass(frozen=True, slots=True)
class Robot:
    """A robot of the scene; ``clock`` and ``presence`` are what its status says."""

    site: str
    name: str
    asset: str | None
    has_pose: bool = True
    presence: Presence | None = Presence.ONLINE
    clock: Part = _SYNCHRONIZED
    alarm: str = ""


ROBOTS = (
    Robot("quay", "crawler-1", "pipe L-7"),
    Robot("dock", "crawler-1", "pipe L-7", clock=Part(state=PartState.FAILING, text="not_synchronized")),
    Robot("quay", LONG_NAME, LONG_ASSET, alarm="the disk of the spool is almost full: 97 % of 512 MB"),
    Robot("quay", "walker-2", RTL_ASSET, clock=Part(state=PartState.UNKNOWN, text="unknown")),
    Robot("dock", "mast-camera", None, has_pose=False),
    Robot("quay", "crawler-7", "pipe L-7", presence=Presence.OFFLINE),
    Robot("quay", "arm-3", None, presence=None),
)


MANY = tuple(
    Robot("quay" if number % 2 else "dock", f"crawler-{number:03}", f"pipe L-{number % 90}")
    for number in range(200)
)


def fill_history(
    folder: Path,
    robots: tuple[Robot, ...] = ROBOTS,
    *,
    verdicts: int = 150,
    findings: int = 8,
    with_pictures: bool = True,
) -> None:
    """Write the scene's past into a new history: of each robot so many verdicts and findings."""
    history = History(folder)
    pictures = list(_pictures(12)) if with_pictures else []
    names = [hashlib.sha256(picture).hexdigest() for picture, _ in pictures]
    now = datetime.now(timezone.utc)
    for at, robot in enumerate(robots):
        for picture, thumbnail in pictures:
            name = hashlib.sha256(picture).hexdigest()
            for content, is_thumbnail in ((picture, False), (thumbnail, True)):
                history.add_picture(StoredPicture(robot.site, robot.name, name, is_thumbnail, content))
        for number in range(findings if robot.asset or not robot.has_pose else 0):
            history.add_finding(_finding(robot, number + at, number, findings, now, names))
    for seq in range(1, verdicts + 1):
        for robot in robots:
            found = _verdict(robot, seq, verdicts, now, names)
            history.add_verdict(found, received_at=found.observed_at)
    history.note_refused("no JSON", "corrosion/v1/quay/crawler-1/verdict", "malformed: byte 0 of 12")
    history.note_waiting("quay", "stranger-99", 12, now)
    history.close()


def announce(client: Collector, robots: tuple[Robot, ...] = ROBOTS) -> None:
    """Publish status and health of the scene's robots, as they do when they come online."""
    now = datetime.now(timezone.utc)
    for robot in robots:
        if robot.presence is None:
            continue
        base = f"corrosion/v1/{robot.site}/{robot.name}"
        client.publish(f"{base}/status", msgspec.json.encode(_status(robot, now)), retain=True)
        client.publish(f"{base}/health", msgspec.json.encode(_health(robot, now)))


def _status(robot: Robot, now: datetime) -> Status:
    is_online = robot.presence is Presence.ONLINE
    return Status(
        site=robot.site,
        robot=robot.name,
        presence=Presence.ONLINE if is_online else Presence.OFFLINE,
        offline_reason=None if is_online else OfflineReason.LINK_LOST,
        since=now - timedelta(hours=3),
        epoch="epoch",
        version="0.9.0",
        bundle=f"{BUNDLE.name} {BUNDLE.version}",
        camera=Part(state=PartState.OK, text="1920 x 1080 at 30.0 frames/s"),
        model=Part(state=PartState.OK),
        clock=robot.clock,
        findings_open=2,
        spool=_depth(robot),
    )


def _health(robot: Robot, now: datetime) -> Health:
    return Health(
        site=robot.site,
        robot=robot.name,
        at=now,
        uptime_s=11_000.0,
        frames_per_s=9.8,
        verdicts_per_s=9.7,
        frame_age_ms=45.2,
        inference_ms=0.0 if robot.name == "walker-2" else 31.4,
        frames=110_000,
        frames_dropped=12,
        frames_unchanged=1,
        verdicts=109_000,
        spool=_depth(robot),
        temperature_c=61.0,
        memory_mb=188.0,
        alarms=(Alarm(code="disk", text=robot.alarm),) if robot.alarm else (),
    )


def _depth(robot: Robot) -> SpoolDepth:
    waiting = 240 if robot.alarm else 1
    return SpoolDepth(
        waiting=waiting,
        in_memory=0,
        oldest_age_s=3.5,
        disk_bytes=1_250_000,
        dropped=0,
        refused=0,
        quarantined=0,
    )


def _verdict(robot: Robot, seq: int, of: int, now: datetime, names: list[str]) -> Verdict:
    what = "CCUU?UCUUX"[seq * 7 % 10]
    late = seq % 3 == 0
    severity = ("late" if late else "mid") if what == "C" else None
    material = "aluminium" if seq % 4 == 0 else "steel"
    condition = (
        {"corroded": 0.97, "uncorroded": 0.03} if what == "C" else {"corroded": 0.06, "uncorroded": 0.94}
    )
    other = "aluminium" if material == "steel" else "steel"
    stages = (
        _stage("material", material, {material: 0.93, other: 0.07}),
        _stage(material, "corroded" if what == "C" else "uncorroded", condition),
    )
    given: dict[str, Any] = {
        "robot": robot.name,
        "id": f"{robot.name}:epoch:{seq}",
        "asset": robot.asset,
        "pose": Pose(distance_m=round(_PATH_M * seq / of, 3), sigma_m=0.12) if robot.has_pose else None,
        "observed_at": now - timedelta(minutes=40) + timedelta(minutes=40) * seq / of,
        "material": None if what in "?X" else material,
        "severity": severity,
        "condition_confidence": None if what in "?X" else 0.97 if what == "C" else 0.94,
        "area_fraction": round(0.02 + 0.4 * abs(math.sin(seq / 9)), 4) if what == "C" else 0.0,
        "stages": () if what == "X" else stages,
        "reasons": (Reason(code="dark", text="too dark: mean grey 9, wanted 24"),) if what == "X" else (),
    }
    if names and seq % 6 == 0:
        given |= {
            "evidence_sha256": names[seq % len(names)],
            "evidence_reasons": ("low_margin", "corroded")[: 1 + seq % 2],
        }
    found = verdict(seq, what, **given)
    return msgspec.structs.replace(found, site=robot.site, bundle=BUNDLE)


def _stage(name: str, label: str, probabilities: dict[str, float]) -> StageVerdict:
    return StageVerdict(
        name=name, label=label, probabilities=probabilities, decision_threshold=0.5, abstain_below=0.4
    )


def _finding(  # noqa: PLR0917  # each is of the finding
    robot: Robot, seed: int, number: int, of: int, now: datetime, names: list[str]
) -> Finding:
    is_open = number % 3 == 0
    begin_m = _PATH_M * (number + 0.3) / max(of, 1)
    first = now - timedelta(minutes=38) + timedelta(minutes=36) * number / max(of, 1)
    best = f"{robot.name}:epoch:{3 + 10 * number}"  # corroded
    has_picture = bool(names) and number % 4 != 3
    return Finding(
        id=f"{robot.name}:epoch:f{number + 1}",
        seq=number,
        state=FindingState.OPENED if is_open else FindingState.CLOSED,
        closed_because=None if is_open else ClosedBecause.MOVED_ON,
        site=robot.site,
        robot=robot.name,
        asset=robot.asset,
        material="steel" if seed % 3 else "aluminium",
        form="pitting" if seed % 4 == 0 else None,
        first_observed_at=first,
        last_observed_at=first + timedelta(seconds=20),
        first_verdict=best,
        last_verdict=best,
        best_verdict=best,
        frames=1 + number * 3,
        peak_confidence=0.93,
        peak_severity="late" if seed % 2 else "mid",
        peak_area_fraction=0.21,
        peak_area_mm2=1240.0 if seed % 2 else None,
        from_pose=Pose(distance_m=begin_m, sigma_m=0.12) if robot.has_pose else None,
        to_pose=Pose(distance_m=begin_m + 0.8, sigma_m=0.12) if robot.has_pose else None,
        best_evidence_sha256=names[seed % len(names)] if has_picture else None,
        best_evidence=BestEvidence(verdict=best, confidence=0.93, severity="mid", area_fraction=0.11)
        if has_picture
        else None,
    )


def _pictures(number: int) -> Iterator[tuple[bytes, bytes]]:
    """Frames of the demonstration's clip, each with its thumbnail, as JPEG."""
    clip = cv2.VideoCapture(str(Path(demo).parent / "inspection.mp4"))
    step = int(clip.get(cv2.CAP_PROP_FRAME_COUNT)) // number
    for at in range(number):
        clip.set(cv2.CAP_PROP_POS_FRAMES, at * step)
        is_there, frame = clip.read()
        if is_there:
            small = cv2.resize(
                frame, (320, 320 * frame.shape[0] // frame.shape[1]), interpolation=cv2.INTER_AREA
            )
            yield cv2.imencode(".jpg", frame)[1].tobytes(), cv2.imencode(".jpg", small)[1].tobytes()
    clip.release()
