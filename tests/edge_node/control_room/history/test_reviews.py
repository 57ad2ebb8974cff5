"""Reviews are found by what they are about and by whether they reached the robot, the newest first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from edge_node.control_room.history.records import Delivery, StoredWithdrawal
from edge_node.control_room.history.reviews import add_withdrawal, answer_withdrawal, delete_orphans
from tests.support.room_records import finding, review
from tests.support.verdicts import START

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History


def test_reviews_are_found_by_finding_and_by_delivery(history: History) -> None:
    """Two robots may have findings of one name; with its origin a review is what was stored."""
    given = [
        review(
            name, robot=robot, reviewed_at=START + timedelta(seconds=second), finding_id=about, origin="login"
        )
        for second, (name, robot, about) in enumerate(
            [
                ("a", "crawler-1", "f1"),
                ("b", "crawler-2", "f1"),
                ("c", "crawler-2", "f2"),
                ("d", "crawler-1", "f1"),
            ]
        )
    ]
    for one in given:
        history.add_review(one)
    a, b, c, d = given
    assert history.reviews() == [d, c, b, a]
    assert history.reviews(finding_id="f1") == [d, b, a]
    assert history.reviews(finding_id="f1", limit=1) == [d]
    assert history.answer_review("b", Delivery.DONE, "noted")
    assert [one.review_id for one in history.reviews(delivery=Delivery.DONE)] == ["b"]
    assert history.reviews(finding_id="f2", delivery=Delivery.DONE) == []


def taken(review_id: str = "review-1", **fields) -> StoredWithdrawal:
    """Ada's withdrawal."""
    return StoredWithdrawal(review_id, f"undo-{review_id}", "Ada", START, origin="typed", **fields)


def test_a_review_is_taken_back_once_and_the_one_before_counts(history: History) -> None:
    """A review that is not stored takes nothing back; the robot's answer is kept with the withdrawal."""
    history.add_finding(finding())
    history.add_review(review("review-1", origin="typed"))
    history.add_review(review("review-2", origin="typed"))
    assert add_withdrawal(history.database, taken("review-2"))
    assert not add_withdrawal(history.database, taken("review-2", note="again"))
    assert not add_withdrawal(history.database, taken("review-9"))
    assert history.finding("crawler-1:epoch:f3", site="quay").review.review_id == "review-1"
    assert answer_withdrawal(history.database, "undo-review-2", Delivery.REFUSED, "no such verb")
    assert not answer_withdrawal(history.database, "undo-review-1", Delivery.DONE, "")
    newest, oldest = history.reviews()
    assert (newest.withdrawn.delivery, newest.withdrawn.answer) == (Delivery.REFUSED, "no such verb")
    assert (newest.counts, oldest.counts) == (False, True)


def test_a_withdrawal_goes_with_its_review_and_never_before(history: History) -> None:
    """Otherwise a review that was taken back would count again."""
    history.add_review(review("review-1", origin="typed"))
    add_withdrawal(history.database, taken())
    assert delete_orphans(history.database) == 0
    history.trim(max_bytes=1, max_picture_bytes=1)
    assert history.reviews() == []
    assert delete_orphans(history.database) == 0
