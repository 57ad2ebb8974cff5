"""What a robot says a person said is told apart, and never stands before what this room heard."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import QueueFilter
from edge_node.control_room.history.reviews import MAX_CLAIMS
from edge_node.control_room.report.collected_reviews import collect_newest_reviews, collect_reviews
from tests.support.room_records import review
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from pathlib import Path

SUBJECT = ("quay", "crawler-1:epoch:f3")


def test_a_later_claim_replaces_no_review(tmp_path: Path) -> None:
    """However many a robot makes, and whatever time it gives them; both are told."""
    with closing(History(tmp_path)) as history:
        history.add_review(review("ours", reviewer="Anna", origin="login"))
        for number in range(5):
            later = START + timedelta(days=365 * number + 1)
            claim = review(f"claim-{number}", reviewer="Alice", reviewed_at=later, origin="robot")
            history.learn_review(claim)
        both = collect_reviews(history)[SUBJECT]
        assert both.review is not None
        assert both.claim is not None
        assert (both.review.by, both.claim.command_id) == ("Anna", "claim-4")
        assert both.claim.who == "Alice, as crawler-1 says"
        assert [one.by for one in collect_newest_reviews(history)] == ["Anna"]
        found = history.add_review(review("next", reviewed_at=START + timedelta(hours=1), origin="typed"))
        assert found is None
        newest = collect_reviews(history)[SUBJECT].review
        assert newest is not None
        assert (newest.command_id, newest.at) == ("next", START + timedelta(hours=1))


def test_a_claim_takes_no_picture_out_of_the_queue(tmp_path: Path) -> None:
    """Nobody has looked at it here; a person's review takes it out."""
    with closing(History(tmp_path)) as history:
        history.add_verdict(verdict(3, "C", evidence_sha256="e" * 64))
        subject = "crawler-1:epoch:3"
        history.learn_review(review("claim", finding_id=subject, origin="robot"))
        queued = QueueFilter(missing=True)
        assert len(history.queue(queued)) == 1
        history.add_review(review("ours", finding_id=subject, origin="login"))
        assert not history.queue(queued)


def test_a_robot_fills_no_history_with_claims(tmp_path: Path) -> None:
    """The oldest of its own go; a person's stays."""
    with closing(History(tmp_path)) as history, history.transaction():
        history.add_review(review("ours", origin="login"))
        for number in range(MAX_CLAIMS + 5):
            at = START + timedelta(seconds=number)
            history.learn_review(review(f"claim-{number}", reviewed_at=at, origin="robot"))
    with closing(History(tmp_path)) as history:
        kept = {one.review_id for one in history.reviews(limit=5000)}
    assert len(kept) == MAX_CLAIMS + 1
    assert {"ours", f"claim-{MAX_CLAIMS + 4}"} <= kept
    assert "claim-0" not in kept
