"""A mission with a finding and a review, for its reports."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import StoredPicture, StoredReview
from edge_node.control_room.report.mission import Selection
from edge_node.evidence.marked_jpeg import embed_marking
from edge_node.inspection.overlay import Marking
from edge_node.messages.finding import Finding, FindingState
from edge_node.messages.review import ReviewJudgement
from edge_node.messages.verdict import Grades, Pose, Reason
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from pathlib import Path

WHO = Selection("quay", "crawler-1")
SHA256 = "a" * 64
HOSTILE = ("=cmd()|'/c calc'!A1", "Анна 李伟 عمر 😀", "x" * 600, "\u202eevil", "<b>&amp;</b> {nb} **x**")


def picture() -> bytes:
    """A JPEG with a map beside its pixels."""
    pixels = np.random.default_rng(3).integers(60, 200, (120, 160, 3), dtype=np.uint8)
    content = cv2.imencode(".jpg", pixels)[1].tobytes()
    return embed_marking(content, Marking(np.full((7, 7), 0.8, np.float32), ("corroded steel mid",)))


def finding(seq: int, **fields) -> Finding:
    """A closed finding of three frames, from verdict ``seq`` on."""
    return Finding(
        **{
            "id": f"crawler-1:epoch:f{seq}",
            "state": FindingState.CLOSED,
            "site": "quay",
            "robot": "crawler-1",
            "asset": "pipe 7",
            "material": "steel",
            "first_observed_at": START + timedelta(seconds=seq),
            "last_observed_at": START + timedelta(seconds=seq + 2),
            "first_verdict": f"crawler-1:epoch:{seq}",
            "last_verdict": f"crawler-1:epoch:{seq + 2}",
            "best_verdict": f"crawler-1:epoch:{seq + 1}",
            "frames": 3,
            "peak_confidence": 0.97,
            "peak_severity": "late",
            "peak_area_fraction": 0.08,
            "peak_grades": Grades(iso_4628_3="Ri 4", astm_d610=4),
            "from_pose": Pose(distance_m=seq / 10),
            "to_pose": Pose(distance_m=(seq + 2) / 10),
            **fields,
        }
    )


def review(history: History, **fields) -> None:
    """What a person says of the finding."""
    history.add_review(
        StoredReview(
            **{
                "review_id": "review-0001",
                "site": "quay",
                "robot": "crawler-1",
                "finding_id": "crawler-1:epoch:f5",
                "opinion": ReviewJudgement.DISPUTED,
                "note": "mill scale",
                "reviewer": "Anna",
                "reviewed_at": START + timedelta(hours=1),
                "corrections": {"outcome": "uncorroded"},
                **fields,
            }
        )
    )


def open_history(folder: Path) -> History:
    """Write a history: forty frames along four metres, ten never came and five could not be judged."""
    opened = History(folder)
    dark = (Reason(code="dark", text="too dark"),)
    for seq in range(1, 41):
        if 20 <= seq < 30:
            continue
        what = "X" if seq > 35 else "C" if seq in (5, 6, 7) else "U"
        opened.add_verdict(
            verdict(
                seq,
                what,
                asset="pipe 7",
                severity="late" if what == "C" else None,
                pose=Pose(distance_m=seq / 10),
                reasons=dark if what == "X" else (),
            ),
            replayed=seq > 30,
        )
    opened.add_finding(finding(5, best_evidence_sha256=SHA256))
    opened.add_picture(StoredPicture("quay", "crawler-1", SHA256, is_thumbnail=False, content=picture()))
    return opened
