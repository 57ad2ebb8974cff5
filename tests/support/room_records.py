"""A finding, a review and a disagreement as the control room keeps them."""

from __future__ import annotations

from datetime import timedelta

from edge_node.control_room.history.records import (
    StoredReview,
)
from edge_node.messages.finding import Finding, FindingState
from edge_node.messages.review import ReviewJudgement
from edge_node.messages.shadow import Disagreement
from edge_node.messages.verdict import BundleReference, Decision, Outcome
from tests.support.verdicts import START


def finding(**fields) -> Finding:
    """A finding that opened with verdict 3."""
    given = {
        "id": "crawler-1:epoch:f3",
        "state": FindingState.OPENED,
        "site": "quay",
        "robot": "crawler-1",
        "material": "steel",
        "first_observed_at": START + timedelta(seconds=3),
        "last_observed_at": START + timedelta(seconds=5),
        "first_verdict": "crawler-1:epoch:3",
        "last_verdict": "crawler-1:epoch:5",
        "best_verdict": "crawler-1:epoch:4",
        "frames": 3,
        "peak_confidence": 0.9,
        "peak_severity": "mid",
        **fields,
    }
    return Finding(**given)


def review(review_id: str = "review-1", **fields) -> StoredReview:
    """A person's opinion of that finding."""
    given = {
        "site": "quay",
        "robot": "crawler-1",
        "finding_id": "crawler-1:epoch:f3",
        "opinion": ReviewJudgement.DISPUTED,
        "note": "shadow of a weld",
        "reviewer": "Ada",
        "reviewed_at": START,
        "corrections": {"severity": "none"},
        **fields,
    }
    return StoredReview(review_id=review_id, **given)


def disagreement(seq: int, evidence_sha256: str | None = None, **fields) -> Disagreement:
    """Return what the shadow says of a verdict."""
    bundle = BundleReference(name="b", version="1", sha256="0")
    given = {
        "id": f"crawler-1:epoch:shadow:{seq}",
        "seq": seq,
        "site": "quay",
        "robot": "crawler-1",
        "at": START,
        "verdict": f"crawler-1:epoch:{seq}",
        "observed_at": START,
        "old_bundle": bundle,
        "new_bundle": bundle,
        "evidence_sha256": evidence_sha256,
        "differs": ("outcome",),
        "stages": {},
        "old": Decision(outcome=Outcome.CORRODED),
        "new": Decision(outcome=Outcome.UNCORRODED),
        **fields,
    }
    return Disagreement(**given)
