"""Reviews are found by what they are about and by whether they reached the robot, the newest first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from edge_node.control_room.history.records import Delivery
from tests.support.room_records import review
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
