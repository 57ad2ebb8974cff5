"""Queries of the history: ids, findings with their verdicts, and the newest review."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.records import (
    Delivery,
)
from edge_node.messages.finding import FindingState
from edge_node.messages.review import ReviewJudgement
from tests.support.room_records import finding, review
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History


@pytest.mark.parametrize("verdict_id", ["", "x", "crawler-1:epoch:2", "crawler-1:epoch:" + "9" * 30, "a:b:²"])
def test_an_id_that_is_none_finds_nothing(history: History, verdict_id: str) -> None:
    """Ids come from addresses of the page: anything can be in them."""
    history.add_verdict(verdict(1, "C"))
    assert history.verdict(verdict_id) is None


def test_open_findings_come_first(history: History) -> None:
    """Whatever is open is what a person acts on."""
    history.add_finding(finding())
    closed = finding(
        id="crawler-1:epoch:f9", state=FindingState.CLOSED, last_observed_at=START + timedelta(9)
    )
    history.add_finding(closed)
    assert [record.finding.id[-2:] for record in history.findings()] == ["f3", "f9"]


def test_a_finding_has_the_corroded_verdicts_of_its_kind(history: History) -> None:
    """From its first to its last, and neither of other outcomes nor of other materials."""
    for seq, what in enumerate("UUCUCUC", start=1):
        history.add_verdict(verdict(seq, what))
    history.add_verdict(verdict(8, "C", material="aluminium", observed_at=START + timedelta(seconds=4)))
    best = finding(best_verdict="crawler-1:epoch:5")
    assert [record.verdict.seq for record in history.verdicts_of(best)] == [3, 5]


def test_the_newest_review_of_a_finding_counts(history: History) -> None:
    """A second opinion replaces the first, and what the robot answered is kept."""
    history.add_finding(finding())
    history.add_review(review())
    later = review("review-2", opinion=ReviewJudgement.CONFIRMED, reviewed_at=START + timedelta(seconds=1))
    history.add_review(later)
    assert history.finding("crawler-1:epoch:f3").review == later
    assert history.reviews(finding_id="crawler-1:epoch:f3") == [later, review()]
    assert history.answer_review("review-1", Delivery.DONE, "noted")
    assert not history.answer_review("review-9", Delivery.DONE, "noted")
    assert history.reviews(delivery=Delivery.DONE)[0].answer == "noted"
    with pytest.raises(HistoryError, match="review"):
        history.add_review(review())
