"""Store people's reviews of findings and verdicts and send each to its robot as a command.

A review is valid once it is stored. Whether the robot has it in its audit log is tracked separately, as its
delivery: waiting, done, refused, failed, or expired.
"""

from __future__ import annotations

import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_node.control_room.history.records import Delivery, StoredReview
from edge_node.control_room.robots.commander import LIFETIME_S, Commander, Ending, build_command
from edge_node.errors import ConfigError, CorrosionError
from edge_node.messages.command import Verb
from edge_node.messages.review import (  # msgspec resolves annotations
    Condition,
    Label,
    Name,
    Note,
    ReviewJudgement,
    Sha256,
)
from edge_node.messages.topics import Topics
from edge_node.signing import load_signer

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.records import ReviewOrigin
    from edge_node.control_room.sections import RoomCommandsConfig
    from edge_node.mqtt.types import Endpoint

_WORKERS = 4  # threads; each waits for one robot
_MAX_WAITING = 200  # reviews not yet sent to robots; more are refused
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
    """The body of a posted review; its labels are the right ones, as far as the person knows them."""

    judgement: ReviewJudgement
    by: Name | None = None  # the web handler puts in the name of the login
    note: Note | None = None
    outcome: Condition | None = None
    material: Label | None = None
    form: Label | None = None
    severity: Label | None = None
    evidence_sha256: Sha256 | None = None  # the picture that the person saw, if not the subject's newest


class RequestRefusedError(CorrosionError):
    """A review or a request for a picture is refused; the text gives the reason."""


class _Subject(NamedTuple):
    """The finding or verdict under review, and the picture that the person saw."""

    site: str
    robot: str
    id: str
    evidence_sha256: str | None


class ReviewService:
    """Store reviews from any thread, and send them to robots in threads of its own."""

    def __init__(
        self,
        config: RoomCommandsConfig,
        endpoint: Endpoint,
        history: History,
        on_reviewed: Callable[[str, str], None],
    ) -> None:
        """Load the key; opens no connection.

        Args:
            config: section ``[commands]``.
            endpoint: broker and credentials.
            history: where reviews are stored.
            on_reviewed: called with subject and site when a review is stored and when its delivery changes.

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
        self._workers = ThreadPoolExecutor(_WORKERS, "reviews")

    def review_finding(
        self, site: str, finding_id: str, posted: PostedReview, origin: ReviewOrigin
    ) -> StoredReview:
        """Store a review of a finding and send it to the robot.

        Raises:
            RequestRefusedError: there is no such finding, or the review contradicts it.
        """
        record = self._history.finding(finding_id, site=site)
        if record is None:
            raise RequestRefusedError("no such finding")
        found = record.finding
        return self._review(_Subject(site, found.robot, found.id, found.best_evidence_sha256), posted, origin)

    def review_verdict(self, verdict_id: str, posted: PostedReview, origin: ReviewOrigin) -> StoredReview:
        """Store a review of one verdict and send it to the robot.

        Raises:
            RequestRefusedError: there is no such verdict, or the review contradicts it.
        """
        record = self._history.verdict(verdict_id)
        if record is None:
            raise RequestRefusedError("no such verdict")
        found, queued = record.verdict, self._history.queued(verdict_id)
        sha256 = found.evidence_sha256 if queued is None else queued.sha256  # perhaps the shadow's
        return self._review(_Subject(found.site, found.robot, found.id, sha256), posted, origin)

    def close(self) -> None:
        """Stop waiting for robots and drop reviews that were not sent; they stay ``waiting``."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _review(self, subject: _Subject, posted: PostedReview, origin: ReviewOrigin) -> StoredReview:
        if self._waiting >= _MAX_WAITING:
            raise RequestRefusedError("too many reviews wait for their robots; try again in a minute")
        labels = {name: getattr(posted, name) for name in ("outcome", "material", "form", "severity")}
        labels = {name: getattr(word, "value", word) for name, word in labels.items() if word is not None}
        values = {
            "subject": subject.id,
            "judgement": posted.judgement.value,
            "by": posted.by,
            "note": posted.note,
            "evidence_sha256": posted.evidence_sha256 or subject.evidence_sha256,
            **labels,
        }
        review = StoredReview(
            review_id=secrets.token_hex(16),
            site=subject.site,
            robot=subject.robot,
            finding_id=subject.id,
            opinion=posted.judgement,
            note=posted.note or "",
            reviewer=posted.by or "",
            reviewed_at=datetime.now(timezone.utc),
            corrections=labels,
            origin=origin.value,
            evidence_sha256=posted.evidence_sha256 or subject.evidence_sha256 or "",
        )
        try:
            build_command(Verb.REVIEW, values, lifetime_s=LIFETIME_S, command_id=review.review_id)
        except CorrosionError as err:
            raise RequestRefusedError(str(err)) from err
        self._history.add_review(review)
        self._on_reviewed(subject.id, subject.site)
        self._waiting += 1
        self._workers.submit(self._deliver, review, values)
        return review

    def _deliver(self, review: StoredReview, values: dict[str, str | None]) -> None:
        try:
            reply = self._commander.send(
                Topics(review.site, review.robot), Verb.REVIEW, values, command_id=review.review_id
            )
            delivery, answer = _DELIVERIES[reply.ending], reply.text or reply.code
        except CorrosionError as err:
            delivery, answer = Delivery.FAILED, str(err)
        except Exception:  # noqa: BLE001  logged with traceback; the review must not stay waiting
            _log.exception("a review could not be sent to %s/%s", review.site, review.robot)
            delivery, answer = Delivery.FAILED, "an error of the control room; see its log"
        finally:
            self._waiting -= 1
        try:
            self._history.answer_review(review.review_id, delivery, answer)
        except CorrosionError as err:
            _log.warning("%s", err)
        self._on_reviewed(review.finding_id, review.site)
