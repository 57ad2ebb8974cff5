"""Store people's reviews of findings and verdicts, and what takes them back, for the robot to be told of.

A review is valid once it is stored. It names a picture that has come: nobody can have looked otherwise.
Whether the robot has it in its audit log is tracked separately, as its delivery: waiting, done, refused,
failed, or expired.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_node.control_room.history.records import HEARD, StoredReview, StoredWithdrawal
from edge_node.control_room.history.reviews import add_withdrawal, count_waiting
from edge_node.control_room.robots.commander import LIFETIME_S, build_command
from edge_node.control_room.robots.review_sender import MAX_WAITING, order_review, order_withdrawal
from edge_node.errors import CorrosionError
from edge_node.messages.command import Verb
from edge_node.messages.review import (  # msgspec resolves annotations
    Condition,
    Label,
    Name,
    Note,
    ReviewId,
    ReviewJudgement,
    Sha256,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.records import ReviewOrigin
    from edge_node.control_room.robots.review_sender import ReviewOrder, ReviewSender

_MAX_VERDICTS = 5000  # of a finding, whose pictures may have been shown


class Seen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a page showed of a finding or verdict: the robot's labels, and the id of the review then."""

    outcome: str | None = None
    material: str | None = None
    form: str | None = None
    severity: str | None = None
    review: str = ""


class PostedReview(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a posted review; its labels are the right ones, as far as the person knows them.

    Attributes:
        by: the web handler puts in the name of the login.
        evidence_sha256: the picture that the person saw; if it is not named, the subject's newest.
        seen: what the page showed when the person chose; a subject that has changed since is refused.
        withdraws: id of the review that is taken back.
    """

    judgement: ReviewJudgement
    by: Name | None = None
    note: Note | None = None
    outcome: Condition | None = None
    material: Label | None = None
    form: Label | None = None
    severity: Label | None = None
    evidence_sha256: Sha256 | None = None
    seen: Seen | None = None
    withdraws: ReviewId | None = None


class RequestRefusedError(CorrosionError):
    """A review or a request for a picture is refused; the text gives the reason."""


class _Subject(NamedTuple):
    """The finding or verdict under review: its pictures, the newest first, and the robot's labels."""

    site: str
    robot: str
    id: str
    pictures: tuple[str, ...]
    labels: Seen


class ReviewService:
    """Store reviews from any thread, and tell whoever sends them."""

    def __init__(
        self, history: History, on_reviewed: Callable[[str, str], None], sender: ReviewSender | None = None
    ) -> None:
        """Take reviews.

        Args:
            history: where reviews are stored.
            on_reviewed: called with subject and site when a review is stored.
            sender: sends them to robots, and is stopped by ``close``; None where another process does.
        """
        self._history = history
        self._on_reviewed = on_reviewed
        self._sender = sender

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
        found, newest = record.finding, record.finding.best_evidence_sha256
        pictures: tuple[str, ...] = (newest,) if newest else ()
        if posted.evidence_sha256 not in (None, newest):  # the page may show one that was the worst before
            verdicts = self._history.verdicts_of(found, limit=_MAX_VERDICTS)
            pictures += tuple(one.verdict.evidence_sha256 or "" for one in verdicts)
        labels = Seen(
            outcome="corroded", material=found.material, form=found.form, severity=found.peak_severity
        )
        return self._review(_Subject(site, found.robot, found.id, pictures, labels), posted, origin)

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
        labels = Seen(
            outcome=found.outcome.value, material=found.material, form=found.form, severity=found.severity
        )
        pictures = (sha256,) if sha256 else ()
        return self._review(_Subject(found.site, found.robot, found.id, pictures, labels), posted, origin)

    def close(self) -> None:
        """Stop waiting for robots; reviews that were not sent stay ``waiting`` until the next start."""
        if self._sender is not None:
            self._sender.stop()

    def _review(self, subject: _Subject, posted: PostedReview, origin: ReviewOrigin) -> StoredReview:
        if count_waiting(self._history.database) >= MAX_WAITING:
            raise RequestRefusedError("too many reviews wait for their robots; try again in a minute")
        with self._history.database.transaction():  # nothing may come between the look and the deed
            counting = self._find_counting(subject)
            _refuse_changed(subject, posted, counting)
            if posted.judgement is ReviewJudgement.WITHDRAWN:
                review = self._withdraw(posted, origin, counting)
            else:
                review = self._store(subject, posted, origin)
        self._on_reviewed(subject.id, subject.site)
        if self._sender is not None:
            self._sender.note_review()
        return review

    def _find_counting(self, subject: _Subject) -> StoredReview | None:
        """Return the review of the subject that counts, whoever gave it."""
        known = self._history.reviews(finding_id=subject.id)
        counting = [one for one in known if one.counts and one.site == subject.site]
        heard = (one for one in counting if one.origin in HEARD)
        return next(heard, next(iter(counting), None))

    def _store(self, subject: _Subject, posted: PostedReview, origin: ReviewOrigin) -> StoredReview:
        sha256 = self._find_picture(subject, posted)
        labels = {name: getattr(posted, name) for name in ("outcome", "material", "form", "severity")}
        labels = {name: getattr(word, "value", word) for name, word in labels.items() if word is not None}
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
            evidence_sha256=sha256,
        )
        order = order_review(review)
        _refuse_unfit(order._replace(values={**order.values, "withdraws": posted.withdraws}))
        self._history.add_review(review)
        return review

    def _find_picture(self, subject: _Subject, posted: PostedReview) -> str:
        """Return the picture that the person saw."""
        named = posted.evidence_sha256
        if named is not None and named not in subject.pictures:
            raise RequestRefusedError(f"picture {named[:12]} is not of {subject.id}: open it again and look")
        sha256 = named or next(iter(subject.pictures), None)
        if sha256 is None:
            raise RequestRefusedError(f"{subject.id} has no picture: nobody can have looked at it here")
        if self._history.picture(subject.site, subject.robot, sha256) is None:
            raise RequestRefusedError(
                f"the picture of {subject.id} has not come, or was deleted: nobody can have looked at it here"
            )
        return sha256

    def _withdraw(
        self, posted: PostedReview, origin: ReviewOrigin, counting: StoredReview | None
    ) -> StoredReview:
        if counting is None or counting.review_id != posted.withdraws:
            raise RequestRefusedError("withdraws: not the review that counts; it was taken back or overruled")
        if counting.reviewer != posted.by:
            raise RequestRefusedError(f"it is {counting.reviewer}'s review: a review of yours overrules it")
        taken = StoredWithdrawal(
            review_id=counting.review_id,
            withdrawal_id=secrets.token_hex(16),
            reviewer=posted.by or "",
            withdrawn_at=datetime.now(timezone.utc),
            note=posted.note or "",
            origin=origin.value,
        )
        review = replace(counting, withdrawn=taken)
        _refuse_unfit(order_withdrawal(review))
        add_withdrawal(self._history.database, taken)
        return review


def _refuse_unfit(order: ReviewOrder) -> None:
    """Refuse what no robot would take."""
    try:
        build_command(Verb.REVIEW, order.values, lifetime_s=LIFETIME_S, command_id=order.command_id)
    except CorrosionError as err:
        raise RequestRefusedError(str(err)) from err


def _refuse_changed(subject: _Subject, posted: PostedReview, counting: StoredReview | None) -> None:
    """Refuse a review of what is not any more what the person saw when choosing."""
    if posted.seen is None:
        return
    reviewed = counting.review_id if counting is not None else ""
    if posted.seen.review != reviewed:
        who = f"{counting.reviewer} {counting.opinion.value} it" if counting else "its review was taken back"
        raise RequestRefusedError(f"meanwhile {who}: look again")
    if msgspec.structs.replace(posted.seen, review="") != subject.labels:
        words = (subject.labels.severity, subject.labels.form, subject.labels.material)
        now = " ".join(word for word in words if word)
        raise RequestRefusedError(f"the robot says otherwise meanwhile ({now}): look again")
