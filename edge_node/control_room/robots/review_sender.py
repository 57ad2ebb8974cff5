"""Send stored reviews, and what takes them back, to their robots; what waits in the history is what is due.

So whoever sends next goes on where a process that was killed stopped. A robot that had a command already says
so: its own response to that tells what became of it, and is stored by whoever reads what robots say.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from edge_node.control_room.history.records import Delivery
from edge_node.control_room.history.reviews import answer_withdrawal, select_waiting
from edge_node.control_room.robots.commander import Commander, Ending, Reply
from edge_node.control_room.robots.review_pace import ReviewPace
from edge_node.errors import CorrosionError
from edge_node.messages.command import Verb
from edge_node.messages.review import ReviewJudgement
from edge_node.messages.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.records import StoredReview
    from edge_node.mqtt.types import Endpoint

MAX_WAITING = 2000  # reviews not yet sent to robots; more are refused
_WORKERS = 4  # threads; each waits for one robot
_LOOK_S = 30.0  # between looks at what waits, where nobody tells of a review
_DELIVERIES = {
    Ending.DONE: Delivery.DONE,
    Ending.ACCEPTED: Delivery.DONE,
    Ending.REFUSED: Delivery.REFUSED,
    Ending.FAILED: Delivery.FAILED,
    Ending.TIMEOUT: Delivery.EXPIRED,
    Ending.UNHEARD: Delivery.EXPIRED,
}
_REPEATED = "repeated"  # a robot's code: it took a command with this id before
_KEEPS_IT = "the robot keeps the review, which no longer counts in this room"

_log = logging.getLogger(__name__)


class ReviewOrder(NamedTuple):
    """A command to a robot, and the review that it is of."""

    command_id: str
    review: StoredReview
    values: dict[str, str | None]
    is_withdrawal: bool = False


class ReviewSender:
    """Sends what waits, in threads of its own; one process of a room has one that is started."""

    def __init__(
        self,
        endpoint: Endpoint,
        sign: Callable[[bytes], str] | None,
        history: History,
        on_answered: Callable[[str, str], None],
    ) -> None:
        """Prepare; ``start`` begins with what waits already.

        Args:
            endpoint: broker and credentials.
            sign: signs bytes, base64; None sends unsigned.
            history: in which reviews wait.
            on_answered: called with subject and site when what is known of a delivery changes.

        Raises:
            CorrosionError: a signature cannot be sent with MQTT 3.1.1.
        """
        self._commander = Commander(endpoint, sign)
        self._history = history
        self._on_answered = on_answered
        self._on_the_way: set[str] = set()  # ids of commands; changed by one call each
        self._workers = ThreadPoolExecutor(_WORKERS, "reviews")
        self._pace = ReviewPace()
        self._told = threading.Event()
        self._is_ended = False
        self._thread = threading.Thread(target=self._run, name="review sender", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def note_review(self) -> None:
        """Say that a review was stored; from any thread."""
        self._told.set()

    def stop(self) -> None:
        """End without waiting for robots; what was not sent stays ``waiting`` for whoever sends next."""
        self._is_ended = True
        self._told.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pace.close()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._is_ended:
            self._told.clear()
            try:
                for order in self._find_waiting():
                    self._put(order)
            except CorrosionError as err:
                _log.warning("%s; reviews wait for their robots", err)
            self._told.wait(_LOOK_S)

    def _find_waiting(self) -> Iterator[ReviewOrder]:
        for review in select_waiting(self._history.database, MAX_WAITING):
            if review.delivery is Delivery.WAITING:
                yield order_review(review)
            if review.withdrawn is not None and review.withdrawn.delivery is Delivery.WAITING:
                yield order_withdrawal(review)

    def _put(self, order: ReviewOrder) -> None:
        if order.command_id in self._on_the_way:
            return
        self._on_the_way.add(order.command_id)
        robot = (order.review.site, order.review.robot)
        self._pace.put(robot, lambda: self._workers.submit(self._deliver, order))

    def _deliver(self, order: ReviewOrder) -> None:
        review = order.review
        try:
            reply = self._commander.send(
                Topics(review.site, review.robot), Verb.REVIEW, order.values, command_id=order.command_id
            )
            delivery, answer = _judge(reply, is_withdrawal=order.is_withdrawal)
        except CorrosionError as err:
            delivery, answer = Delivery.FAILED, str(err)
        except Exception:  # noqa: BLE001  logged with traceback; the review must not stay waiting
            _log.exception("a review could not be sent to %s/%s", review.site, review.robot)
            delivery, answer = Delivery.FAILED, "an error of the control room; see its log"
        try:
            if order.is_withdrawal:
                answer_withdrawal(self._history.database, order.command_id, delivery, answer)
            else:
                self._history.answer_review(order.command_id, delivery, answer)
            self._on_answered(review.finding_id, review.site)
        except CorrosionError as err:
            _log.warning("%s", err)
        finally:
            self._on_the_way.discard(order.command_id)


def order_review(review: StoredReview) -> ReviewOrder:
    """Return the command that tells a robot of a review."""
    values: dict[str, str | None] = {
        "subject": review.finding_id,
        "judgement": review.opinion.value,
        "by": review.reviewer or None,
        "note": review.note or None,
        "evidence_sha256": review.evidence_sha256 or None,
        **review.corrections,
    }
    return ReviewOrder(review.review_id, review, values)


def order_withdrawal(review: StoredReview) -> ReviewOrder:
    """Return the command that tells a robot that a review was taken back."""
    taken = review.withdrawn
    assert taken is not None  # noqa: S101  # the callers' branch
    values = {
        "subject": review.finding_id,
        "judgement": ReviewJudgement.WITHDRAWN.value,
        "by": taken.reviewer or None,
        "note": taken.note or None,
        "withdraws": review.review_id,
    }
    return ReviewOrder(taken.withdrawal_id, review, values, is_withdrawal=True)


def _judge(reply: Reply, *, is_withdrawal: bool) -> tuple[Delivery, str]:
    """Return what is known of a delivery now, and a sentence about it."""
    delivery, answer = _DELIVERIES[reply.ending], reply.text or reply.code
    if delivery is Delivery.REFUSED and reply.code == _REPEATED:
        return Delivery.EXPIRED, "the robot had it before; what became of it did not reach this room"
    if is_withdrawal and delivery is Delivery.REFUSED:
        answer = f"{_KEEPS_IT}: {answer}"
    return delivery, answer
