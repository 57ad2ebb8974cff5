"""A finding and a review as the control room keeps them."""

from __future__ import annotations

from datetime import timedelta

from edge_node.control_room.history.records import (
    StoredReview,
)
from edge_node.messages.finding import Finding, FindingState
from edge_node.messages.review import ReviewJudgement
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
