"""Verdicts and findings with pictures in a history, for people to review."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_node.control_room.history.records import StoredPicture
from edge_node.evidence.marked_jpeg import embed_marking
from edge_node.inspection.overlay import Marking
from edge_node.messages.finding import BestEvidence
from edge_node.messages.verdict import EvidenceReason, Pose, StageVerdict
from tests.support.room_records import finding
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History
    from edge_node.messages.finding import Finding

STAGES = (
    StageVerdict(
        name="material",
        label="steel",
        probabilities={"steel": 0.97, "aluminium": 0.03},
        decision_threshold=0.5,
        abstain_below=0.0,
    ),
    StageVerdict(
        name="severity",
        label="late",
        probabilities={"none": 0.01, "mid": 0.19, "late": 0.8},
        decision_threshold=0.5,
        abstain_below=0.4,
    ),
)


def plate(seed: int) -> bytes:
    """A JPEG of 320 by 240 with a stain, unlike any other, and its map beside its pixels."""
    noise = np.random.default_rng(seed)
    pixels = cv2.resize(noise.integers(70, 190, (24, 32, 3), dtype=np.uint8), (320, 240))
    centre = (80 + seed * 37 % 160, 60 + seed * 23 % 120)
    cv2.circle(pixels, centre, 50, (40, 70, 150), -1)
    cells = np.zeros((12, 16), np.float32)
    cv2.circle(cells, (centre[0] // 20, centre[1] // 20), 2, 0.95, -1)
    return embed_marking(cv2.imencode(".jpg", pixels)[1].tobytes(), Marking(cells, ("corroded steel late",)))


def add_verdict(
    history: History,
    seq: int,
    what: str = "C",
    jpeg: bytes | None = None,
    *,
    come: str = "full",
    **fields: Any,
) -> str:
    """Store a verdict with its picture; return the picture's name.

    Args:
        history: of the control room.
        seq: the verdict's number.
        what: its outcome, as in ``verdict``.
        jpeg: its picture; a plate of its own without one.
        come: ``full``, ``thumbnail``, or ``nothing`` of the picture has come.
        fields: of the verdict.
    """
    content = jpeg or plate(seq)
    sha256 = hashlib.sha256(content).hexdigest()
    given = {
        "severity": "late" if what == "C" else None,
        "stages": STAGES,
        "area_fraction": 0.14 if what == "C" else None,
        "pose": Pose(distance_m=seq / 4),
        "evidence_sha256": sha256,
        "evidence_reasons": (EvidenceReason.CORRODED if what == "C" else EvidenceReason.SAMPLE,),
        **fields,
    }
    found = verdict(seq, what, **given)
    history.add_verdict(found)
    if come != "nothing":
        picture = StoredPicture(
            found.site, found.robot, sha256, is_thumbnail=come == "thumbnail", content=content
        )
        history.add_picture(picture)
    return sha256


def make_finding(number: int, sha256: str | None, **fields: Any) -> Finding:
    """Return the finding that opened with verdict ``number``, whose worst picture is ``sha256``."""
    verdict_id, here = f"crawler-1:epoch:{number}", Pose(distance_m=number / 4)
    best = BestEvidence(verdict=verdict_id, severity="late", area_fraction=0.14, confidence=0.8)
    return finding(
        **{
            "id": f"crawler-1:epoch:f{number}",
            "seq": number,
            **dict.fromkeys(("first_verdict", "last_verdict", "best_verdict"), verdict_id),
            "peak_severity": "late",
            "peak_area_fraction": 0.14,
            "from_pose": here,
            "to_pose": here,
            "asset": "pipe L-7",
            "best_evidence_sha256": sha256,
            "best_evidence": best if sha256 else None,
            **fields,
        }
    )


def add_finding(history: History, number: int, sha256: str | None, **fields: Any) -> str:
    """Store the finding of ``make_finding``; return its id."""
    found = make_finding(number, sha256, **fields)
    history.add_finding(found)
    return found.id
