"""Example messages of one robot on one pipe, made of the classes that encode them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from edge_node.messages.checkpoint import Checkpoint, GivenUp
from edge_node.messages.command import COMMANDS, Verb
from edge_node.messages.finding import BestEvidence, Finding, FindingState
from edge_node.messages.pose import PoseMessage
from edge_node.messages.receipt import Receipt
from edge_node.messages.response import BundleRequest, Response, Result
from edge_node.messages.shadow import Disagreement
from edge_node.messages.status import Health, Part, PartState, Presence, SpoolDepth, Status
from edge_node.messages.verdict import (
    BundleReference,
    Decision,
    EvidenceReason,
    Outcome,
    Pose,
    StageVerdict,
    Verdict,
)

if TYPE_CHECKING:
    import msgspec

_AT = datetime(2026, 3, 1, 8, 12, 26, 286981, tzinfo=timezone.utc)
_EPOCH = "5c44f5bf-0fb7-45a4-8f39-1f3a0c81410d"
_WHO = {"site": "quay", "robot": "crawler-1"}
_BUNDLE = BundleReference(name="steel-aluminium", version="1.4", sha256="5f0c" * 16)
_NEW_BUNDLE = BundleReference(name="steel-aluminium", version="1.5", sha256="8e21" * 16)
_BOOT = "a2d835eb-6521-4818-b0ab-d064ab58f342"
_PICTURE, _PAYLOAD, _KEY = "c1a7" * 16, "9b3e" * 16, "77d0" * 16
_VERDICT_ID, _FINDING_ID = f"crawler-1:{_EPOCH}:84", f"crawler-1:{_EPOCH}:f81"
_OK = Part(state=PartState.OK)
_SPOOL = SpoolDepth(
    waiting=3,
    in_memory=0,
    oldest_age_s=0.4,
    disk_bytes=8_421_376,
    dropped=0,
    refused=0,
    quarantined=0,
)


def _stage(name: str, label: str, other: str, probability: float, abstain_below: float = 0.0) -> StageVerdict:
    return StageVerdict(
        name=name,
        label=label,
        probabilities={label: probability, other: round(1 - probability, 6)},
        decision_threshold=0.5,
        abstain_below=abstain_below,
    )


_STEEL = _stage("material", "steel", "aluminium", 0.987543, 0.6)
_DECISION = Decision(
    outcome=Outcome.CORRODED,
    material="steel",
    material_confidence=0.987543,
    condition_confidence=0.992754,
    severity="late",
    severity_confidence=0.866319,
    stages=(
        _STEEL,
        _stage("steel", "corroded", "uncorroded", 0.992754),
        _stage("steel_severity", "late", "mid", 0.866319),
    ),
    area_fraction=0.42,
    area_mm2=8064.0,
    mm_per_px=0.25,
)
_NEW_DECISION = Decision(
    outcome=Outcome.UNCERTAIN, material="steel", material_confidence=0.987543, stages=(_STEEL,)
)


def _command(verb: Verb, **fields: Any) -> msgspec.Struct:
    return COMMANDS[verb](
        schema="corrosion/v1",
        id=f"room-{verb.value}-0001",
        issued_at=_AT,
        expires_at=_AT + timedelta(seconds=60),
        **fields,
    )


def _commands() -> dict[str, msgspec.Struct]:
    """Return a command of each verb; one without fields of its own needs no line here."""
    fields: dict[Verb, dict[str, Any]] = {
        Verb.PAUSE: {"duration_s": 60},
        Verb.EVIDENCE: {"sha256": _PICTURE, "size": "overlay"},
        Verb.REVIEW: {
            "subject": _FINDING_ID,
            "judgement": "disputed",
            "by": "A. Meyer",
            "outcome": "uncorroded",
            "note": "mill scale, no rust",
        },
        Verb.UPDATE: {"name": "steel-aluminium", "version": "1.5", "sha256": _KEY, "size_bytes": 3_612_160},
    }
    return {f"command_{verb.value}": _command(verb, **fields.get(verb, {})) for verb in COMMANDS}


EXAMPLES: dict[str, msgspec.Struct] = {
    "verdict": Verdict(
        **{name: getattr(_DECISION, name) for name in _DECISION.__struct_fields__},
        **_WHO,
        id=_VERDICT_ID,
        seq=84,
        asset="pipe L-7",
        pose=Pose(distance_m=10.05, sigma_m=0.02),
        pose_age_ms=12.0,
        observed_at=_AT,
        monotonic_ns=8_808_204_360_790,
        boot_id=_BOOT,
        time_quality="synchronized",
        bundle=_BUNDLE,
        config_sha256="2f19" * 16,
        source="video0",
        frame_id=83,
        frame_age_ms=32.689,
        frames_dropped=0,
        inference_ms=25.465,
        evidence_sha256=_PICTURE,
        evidence_reasons=(EvidenceReason.FINDING_WORSE.value, EvidenceReason.CORRODED.value),
        previous_sha256=_PAYLOAD,
    ),
    "finding": Finding(
        **_WHO,
        id=_FINDING_ID,
        seq=2,
        state=FindingState.UPDATED,
        asset="pipe L-7",
        material="steel",
        first_observed_at=_AT - timedelta(seconds=1),
        last_observed_at=_AT,
        first_verdict=f"crawler-1:{_EPOCH}:81",
        last_verdict=_VERDICT_ID,
        best_verdict=_VERDICT_ID,
        frames=4,
        peak_confidence=0.992754,
        peak_severity="late",
        peak_area_fraction=0.42,
        peak_area_mm2=8064.0,
        from_pose=Pose(distance_m=9.9, sigma_m=0.02),
        to_pose=Pose(distance_m=10.05, sigma_m=0.02),
        best_evidence_sha256=_PICTURE,
        best_evidence=BestEvidence(
            verdict=_VERDICT_ID,
            confidence=0.992754,
            severity="late",
            severity_confidence=0.866319,
            area_fraction=0.42,
            area_mm2=8064.0,
        ),
    ),
    "status": Status(
        **_WHO,
        presence=Presence.ONLINE,
        since=_AT - timedelta(minutes=12),
        epoch=_EPOCH,
        boot_id=_BOOT,
        version="0.11.0",
        bundle="steel-aluminium 1.4",
        camera=Part(state=PartState.OK, text="1280 x 720 at 30.0 frames/s"),
        model=_OK,
        clock=Part(state=PartState.OK, text="synchronized"),
        evidence=_OK,
        findings_open=1,
        spool=_SPOOL,
    ),
    "health": Health(
        **_WHO,
        at=_AT,
        uptime_s=720.0,
        frames_per_s=30.0,
        verdicts_per_s=10.0,
        frame_age_ms=32.689,
        inference_ms=25.465,
        frames=21_600,
        frames_dropped=14_400,
        verdicts=7_200,
        spool=_SPOOL,
        temperature_c=61.5,
        memory_mb=119.0,
    ),
    "response": Response(
        **_WHO,
        id=f"crawler-1:{_EPOCH}:response:1",
        seq=1,
        at=_AT + timedelta(seconds=1),
        verb="pause",
        command_id="room-pause-0001",
        result=Result.DONE,
        code="ok",
        text="",
    ),
    "pose": PoseMessage(distance_m=10.05, sigma_m=0.02, range_mm=310.0, age_ms=12.0),
    "shadow": Disagreement(
        **_WHO,
        id=f"crawler-1:{_EPOCH}:shadow:1",
        seq=1,
        at=_AT + timedelta(seconds=1),
        verdict=_VERDICT_ID,
        observed_at=_AT,
        old_bundle=_BUNDLE,
        new_bundle=_NEW_BUNDLE,
        differs=("outcome",),
        stages={"steel": "corroded -> unsure"},
        old=_DECISION,
        new=_NEW_DECISION,
        evidence_sha256=_PICTURE,
    ),
    "checkpoint": Checkpoint(
        **_WHO,
        id=f"crawler-1:{_EPOCH}:checkpoint:1",
        seq=1,
        epoch=_EPOCH,
        last_seq=84,
        last_sha256=_PAYLOAD,
        previous_epoch=None,
        given_up=(GivenUp(epoch=_EPOCH, first=12, last=14),),
        final=False,
        at=_AT + timedelta(seconds=30),
        monotonic_ns=8_838_204_360_790,
        boot_id=_BOOT,
        time_quality="synchronized",
        key_id=_KEY,
        signature="Xl8fZ2Qp…",
    ),
    "bundle_request": BundleRequest(**_WHO, sha256=_KEY, offset=32_768, length=32_768),
    "receipt": Receipt(epoch=_EPOCH, seq=84),
    **_commands(),
}
