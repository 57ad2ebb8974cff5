"""Where people answer: what they say of findings and verdicts is kept and told to the robots.

A review counts from the moment it is kept. That the robot has it in its audit is another matter, and shown:
waiting, done, refused, failed, or no answer in time.
"""

from __future__ import annotations

import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_node.control_room.history.records import Delivery, Opinion, StoredReview
from edge_node.control_room.robots.commander import LIFETIME_S, Commander, Ending, build
from edge_node.errors import ConfigError, CorrosionError
from edge_node.messages.command import Verb
from edge_node.messages.review import (  # msgspec resolves annotations
    Condition,
    Label,
    Name,
    Note,
    ReviewJudgement,
)
from edge_node.messages.topics import Topics
from edge_node.signing import load_signer

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.history import History
    from edge_node.control_room.settings import RoomCommandsConfig
    from edge_node.mqtt.types import Endpoint

_WORKERS = 4  # each waits for one robot
_MAX_WAITING = 200  # reviews that wait for robots; more are refused
_DELIVERIES = {
    Ending.DONE: Delivery.DONE,
    Ending.ACCEPTED: Delivery.DONE,
    Ending.REFUSED: Delivery.REFUSED,
    Ending.FAILED: Delivery.FAILED,
    Ending.TIMEOUT: Delivery.EXPIRED,
    Ending.UNHEARD: Delivery.EXPIRED,
}

_log = logging.getLogger(__name__)


class PostedReview(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person posts; labels say what is right, where it is known."""

    judgement: ReviewJudgement
    by: Name
    note: Note | None = None
    outcome: Condition | None = None
    material: Label | None = None
    form: Label | None = None
    severity: Label | None = None


class DeskError(CorrosionError):
    """An answer is not taken."""


class _Subject(NamedTuple):
    """What is reviewed, and the picture that was looked at."""

    site: str
    robot: str
    id: str
    evidence_sha256: str | None


class ReviewService:
    """Takes answers from any thread; robots are told by threads of its own."""

    def __init__(
        self,
        config: RoomCommandsConfig,
        endpoint: Endpoint,
        history: History,
        on_reviewed: Callable[[str, str], None],
    ) -> None:
        """Prepare; touches no network.

        Raises:
            ConfigError: the key cannot be used.
        """
        try:
            sign = load_signer(Path(config.key_file)) if config.key_file else None
        except CorrosionError as err:
            raise ConfigError(f"[commands] key_file: {err}") from err
        self._commander = Commander(endpoint, sign)
        self._history = history
        self._on_reviewed = on_reviewed
        self._waiting = 0
        self._workers = ThreadPoolExecutor(_WORKERS, "desk")

    def review_finding(self, site: str, finding_id: str, answer: PostedReview) -> StoredReview:
        """Keep what a person says of a finding, and tell the robot.

        Raises:
            DeskError: there is no such finding, or what is said of it cannot be true.
        """
        record = self._history.finding(finding_id, site=site)
        if record is None:
            raise DeskError("no such finding")
        found = record.finding
        return self._review(_Subject(site, found.robot, found.id, found.best_evidence_sha256), answer)

    def review_verdict(self, verdict_id: str, answer: PostedReview) -> StoredReview:
        """Keep what a person says of one verdict, and tell the robot.

        Raises:
            DeskError: there is no such verdict, or what is said of it cannot be true.
        """
        record = self._history.verdict(verdict_id)
        if record is None:
            raise DeskError("no such verdict")
        found = record.verdict
        return self._review(_Subject(found.site, found.robot, found.id, found.evidence_sha256), answer)

    def ask_picture(self, site: str, robot: str, sha256: str) -> str:
        """Ask a robot for a full picture and return what became of that, in a sentence.

        Raises:
            DeskError: it is no picture's name, or there is no link.
        """
        try:
            reply = self._commander.ask(Topics(site, robot), Verb.EVIDENCE, {"sha256": sha256})
        except CorrosionError as err:
            raise DeskError(str(err)) from err
        if not reply.succeeded:
            raise DeskError(reply.sentence)
        return reply.sentence

    def close(self) -> None:
        """Wait for no answer any more."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _review(self, subject: _Subject, answer: PostedReview) -> StoredReview:
        if self._waiting >= _MAX_WAITING:
            raise DeskError("too many reviews wait for their robots; try again in a minute")
        labels = {name: getattr(answer, name) for name in ("outcome", "material", "form", "severity")}
        labels = {name: getattr(word, "value", word) for name, word in labels.items() if word is not None}
        values = {
            "subject": subject.id,
            "judgement": answer.judgement.value,
            "by": answer.by,
            "note": answer.note,
            "evidence_sha256": subject.evidence_sha256,
            **labels,
        }
        review = StoredReview(
            review_id=secrets.token_hex(16),
            site=subject.site,
            robot=subject.robot,
            finding_id=subject.id,
            opinion=Opinion(answer.judgement.value),
            note=answer.note or "",
            reviewer=answer.by,
            reviewed_at=datetime.now(timezone.utc),
            corrections=labels,
        )
        try:
            build(Verb.REVIEW, values, lifetime_s=LIFETIME_S, command_id=review.review_id)
        except CorrosionError as err:
            raise DeskError(str(err)) from err
        self._history.add_review(review)
        self._on_reviewed(subject.id, subject.site)
        self._waiting += 1
        self._workers.submit(self._tell, review, values)
        return review

    def _tell(self, review: StoredReview, values: dict[str, str | None]) -> None:
        try:
            reply = self._commander.ask(
                Topics(review.site, review.robot), Verb.REVIEW, values, command_id=review.review_id
            )
            delivery, said = _DELIVERIES[reply.ending], reply.text or reply.code
        except CorrosionError as err:
            delivery, said = Delivery.FAILED, str(err)
        except Exception:  # noqa: BLE001  logged whole; a review must not wait for ever
            _log.exception("a review could not be told to %s/%s", review.site, review.robot)
            delivery, said = Delivery.FAILED, "an error of the control room; see its log"
        finally:
            self._waiting -= 1
        try:
            self._history.answer_review(review.review_id, delivery, said)
        except CorrosionError as err:
            _log.warning("%s", err)
        self._on_reviewed(review.finding_id, review.site)
