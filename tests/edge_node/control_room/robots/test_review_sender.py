"""What waits in the history is sent to robots by whoever sends next."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import Delivery, ReviewOrigin, StoredReview, StoredWithdrawal
from edge_node.control_room.history.reviews import add_withdrawal, answer_withdrawal, count_waiting
from edge_node.control_room.robots.review_sender import ReviewSender, order_review, order_withdrawal
from edge_node.messages.review import ReviewJudgement
from edge_node.mqtt.types import Endpoint
from tests.support.processes import free_port, wait_for

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)
REVIEW = StoredReview(
    review_id="a" * 32,
    site="quay",
    robot="crawler-1",
    finding_id="crawler-1:0199c0de:finding-1",
    opinion=ReviewJudgement.DISPUTED,
    note="paint",
    reviewer="anna",
    reviewed_at=AT,
    corrections={"outcome": "uncorroded"},
    evidence_sha256="b" * 64,
    origin=ReviewOrigin.LOGIN.value,
)
TAKEN = StoredWithdrawal(
    review_id=REVIEW.review_id,
    withdrawal_id="c" * 32,
    reviewer="anna",
    withdrawn_at=AT,
    note="",
    origin=ReviewOrigin.LOGIN.value,
)


def test_a_review_that_waited_when_its_process_died_is_sent_by_the_next_with_its_withdrawal(
    tmp_path: Path,
) -> None:
    """Both wait in the history and nowhere else; the next sender tries them, and says how that ended."""
    history = History(tmp_path)
    history.add_review(REVIEW)
    assert add_withdrawal(history.database, TAKEN)
    assert count_waiting(history.database) == 1
    told: list[tuple[str, str]] = []
    sender = ReviewSender(
        Endpoint("127.0.0.1", free_port(), "room"), None, history, lambda *names: told.append(names)
    )
    sender.start()
    wait_for(lambda: len(told) == 2, what="both answers")
    sender.stop()
    [review] = history.reviews()
    assert review.delivery is Delivery.FAILED  # no broker is there
    assert review.withdrawn is not None
    assert review.withdrawn.delivery is Delivery.FAILED
    assert told == [(REVIEW.finding_id, "quay")] * 2
    assert count_waiting(history.database) == 0
    history.close()


def test_a_review_and_a_withdrawal_that_are_done_stay_done(tmp_path: Path) -> None:
    """A process that waited in vain for an answer does not overwrite what another one has heard."""
    history = History(tmp_path)
    history.add_review(REVIEW)
    add_withdrawal(history.database, TAKEN)
    history.answer_review(REVIEW.review_id, Delivery.DONE, "recorded")
    answer_withdrawal(history.database, TAKEN.withdrawal_id, Delivery.DONE, "taken back")
    assert not history.answer_review(REVIEW.review_id, Delivery.EXPIRED, "no answer within 10 s")
    assert not answer_withdrawal(history.database, TAKEN.withdrawal_id, Delivery.FAILED, "no link")
    [review] = history.reviews()
    assert (review.delivery, review.answer) == (Delivery.DONE, "recorded")
    assert review.withdrawn is not None
    assert (review.withdrawn.delivery, review.withdrawn.answer) == (Delivery.DONE, "taken back")
    history.close()


def test_the_command_is_made_of_what_is_stored() -> None:
    """The same id each time it is sent, so that the robot carries it out once."""
    order = order_review(REVIEW)
    assert order.command_id == REVIEW.review_id
    assert order.values == {
        "subject": REVIEW.finding_id,
        "judgement": "disputed",
        "by": "anna",
        "note": "paint",
        "evidence_sha256": "b" * 64,
        "outcome": "uncorroded",
    }
    taken = order_withdrawal(dataclasses.replace(REVIEW, withdrawn=TAKEN))
    assert (taken.command_id, taken.values["judgement"], taken.values["withdraws"]) == (
        TAKEN.withdrawal_id,
        "withdrawn",
        REVIEW.review_id,
    )
