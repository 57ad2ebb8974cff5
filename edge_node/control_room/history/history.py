"""Store what all robots and reviewers sent, each message once, and answer queries over it.

``inserts.py`` writes, ``queries.py`` reads, ``records.py`` holds the types that queries return, and only
``database.py`` runs statements. A verdict is identified by its robot, epoch and number: duplicates are
counted, another verdict with the same id is kept as a conflict, and a missing number is a gap until its
verdict arrives.
"""

from __future__ import annotations

import hashlib
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from edge_node.control_room.history import (
    audit,
    conflicts,
    inserts,
    queries,
    retention,
    review_queue,
    reviews,
    sequence_gaps,
    strip_cells,
)
from edge_node.control_room.history.database import Database, from_us, to_us
from edge_node.control_room.history.records import QuarantinedRobot, Share
from edge_node.control_room.history.shares import ledger, quarantine
from edge_node.control_room.history.verdict_batch import NewVerdict
from edge_node.messages.verdict import encode

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace
    from edge_node.control_room.deeds import AuditEntry, Deed
    from edge_node.control_room.history.records import (
        Conflict,
        Delivery,
        FindingFilter,
        FindingRecord,
        Gap,
        Misdated,
        QueuedPicture,
        QueueFilter,
        RefusalCount,
        ResponseRecord,
        RobotRecord,
        StoredPicture,
        StoredReview,
        Usage,
        VerdictFilter,
        VerdictRecord,
    )
    from edge_node.control_room.history.strip_cells import StripCell
    from edge_node.messages.finding import Finding
    from edge_node.messages.response import Response
    from edge_node.messages.shadow import Disagreement
    from edge_node.messages.status import Health, Status
    from edge_node.messages.verdict import Verdict


class History:
    """The database of one control room; any thread may use it."""

    def __init__(self, folder: Path, *, read_only: bool = False, place: DatabasePlace | None = None) -> None:
        """Open the history in ``folder``, or in the database at ``place``; create it if it does not exist.

        ``read_only`` reads it while a control room runs on it.

        Raises:
            HistoryError: it is no history, is damaged, or was written by a newer version.
        """
        self._database = Database(folder, read_only=read_only, place=place)

    @property
    def database(self) -> Database:
        """The open database, for packages of the history."""
        return self._database

    def close(self) -> None:
        """Close the file; never raises."""
        self._database.close()

    def check_place(self) -> None:
        """Raise HistoryError if the file was removed or replaced since it was opened."""
        self._database.check_place()

    def transaction(self) -> AbstractContextManager[None]:
        """Commit all ``add_...`` calls inside at once: a hundred verdicts cost as much as one.

        Raises:
            HistoryError: none of them was written.
        """
        return self._database.transaction()

    # --- messages from robots

    def add_verdict(
        self,
        verdict: Verdict,
        *,
        payload: bytes | None = None,
        sha256: bytes | None = None,
        received_at: datetime | None = None,
        replayed: bool = False,
    ) -> bool:
        """Store a verdict; return False if its number is stored.

        Then it is counted as a duplicate, or kept as a conflict if ``payload``, its bytes as they came, is
        not what came before. ``sha256`` is the payload's, for a caller that has it already.
        """
        content = encode(verdict) if payload is None else payload
        received_us = _us_or_now(received_at)
        digest = sha256 or hashlib.sha256(content).digest()
        new = NewVerdict(verdict, content, digest, received_us, replayed)
        return inserts.insert_verdict(self._database, new)

    def add_finding(self, finding: Finding, *, received_at: datetime | None = None) -> bool:
        """Store the newest state of a finding; return False if this one, or a newer one, is stored."""
        return inserts.insert_finding(self._database, finding, _us_or_now(received_at))

    def add_disagreement(self, found: Disagreement, *, received_at: datetime | None = None) -> bool:
        """Store a shadow's disagreement; return False if it is stored."""
        return inserts.insert_disagreement(self._database, found, _us_or_now(received_at))

    def set_status(
        self, status: Status, *, received_at: datetime | None = None, is_retained: bool = False
    ) -> None:
        """Store the last status of a robot, or its will; a retained one is no sign of life."""
        inserts.update_robot(self._database, status, _us_or_now(received_at), is_heard=not is_retained)

    def retire(self, site: str, robot: str) -> bool:
        """List a robot no longer until it is heard again; False if it is not known. Its record stays."""
        return inserts.retire_robot(self._database, site, robot, to_us(_now()))

    def set_health(self, health: Health, *, received_at: datetime | None = None) -> None:
        """Store the last health message of a robot."""
        inserts.update_robot(self._database, health, _us_or_now(received_at), is_heard=True)

    def add_response(self, response: Response, *, received_at: datetime | None = None) -> bool:
        """Store a response to a command; return False if it is stored."""
        return inserts.insert_response(self._database, response, _us_or_now(received_at))

    def add_picture(self, picture: StoredPicture, *, received_at: datetime | None = None) -> bool:
        """Store a picture whose hash the caller has checked; return False if it is stored."""
        return inserts.insert_picture(self._database, picture, _us_or_now(received_at))

    def note_refused(self, reason: str, topic: str, text: str) -> None:
        """Count an unreadable message by its reason."""
        inserts.count_refused(self._database, reason, topic, text, to_us(_now()))

    # --- robots beyond a bound

    def note_waiting(self, site: str, robot: str, messages: int, received_at: datetime) -> None:
        """Count messages that are not stored of a robot that nobody has admitted."""
        quarantine.note_waiting(self._database, site, robot, messages, to_us(received_at))

    def decide_robot(self, site: str, robot: str, *, admit: bool, by: str) -> None:
        """Admit a robot, or refuse it; one that is stored already keeps its record."""
        state = quarantine.ADMITTED if admit else quarantine.REFUSED
        quarantine.decide(self._database, (site, robot), state, by, to_us(_now()))

    def quarantined(self) -> list[QuarantinedRobot]:
        """Return robots of which a person decides or has decided; those that wait first."""
        return [
            QuarantinedRobot._make(
                (*row[:2], *map(from_us, row[2:4]), *row[4:6], row[6] and from_us(row[6]), row[7])
            )
            for row in quarantine.select_all(self._database)
        ]

    def admissions(self) -> dict[tuple[str, str], str]:
        """Return the state of those robots by site and name."""
        return quarantine.select_states(self._database)

    def robot_names(self) -> set[tuple[str, str]]:
        """Return site and name of all robots of which something is stored."""
        return quarantine.select_known(self._database)

    # --- reviews

    def add_review(self, review: StoredReview) -> None:
        """Store a review made in this control room.

        Raises:
            HistoryError: one with this id is stored.
        """
        inserts.insert_review(self._database, review, ignore_known=False)

    def learn_review(self, review: StoredReview) -> bool:
        """Store a review that was made elsewhere; return False if one with this id is stored."""
        return inserts.insert_review(self._database, review, ignore_known=True)

    def answer_review(self, review_id: str, delivery: Delivery, answer: str) -> bool:
        """Store the robot's response to a review; return False if there is no such review."""
        return inserts.update_review_delivery(self._database, review_id, delivery, answer)

    # --- queries

    def robots(self) -> list[RobotRecord]:
        """Return all robots, by site and name."""
        return queries.select_robots(self._database)

    def verdicts(
        self,
        only: VerdictFilter | None = None,
        *,
        limit: int = 200,
        after: VerdictRecord | None = None,
        oldest_first: bool = False,
    ) -> list[VerdictRecord]:
        """Return verdicts by the time at which they were observed, newest first.

        Args:
            only: a filter; None returns all.
            limit: of the number of verdicts.
            after: the last verdict of the previous page.
            oldest_first: reverse the order.
        """
        return queries.select_verdicts(self._database, only, limit, after, oldest_first=oldest_first)

    def count_verdicts(self, only: VerdictFilter | None = None) -> int:
        """Count the verdicts that match a filter."""
        return queries.count_verdicts(self._database, only)

    def misdated(self, only: VerdictFilter) -> Misdated | None:
        """Find the verdicts of a robot that arrived in a filter's span of time, and that its dates miss."""
        return queries.find_misdated(self._database, only)

    def verdict(self, verdict_id: str) -> VerdictRecord | None:
        """Return the verdict with this id."""
        return queries.select_verdict(self._database, verdict_id)

    def newest(self, limit: int = 50) -> list[VerdictRecord]:
        """Return the verdicts that arrived last, newest first."""
        return queries.select_newest(self._database, limit)

    def findings(self, only: FindingFilter | None = None, *, limit: int = 500) -> list[FindingRecord]:
        """Return findings, open ones first, then by when they were last observed, newest first."""
        return queries.select_findings(self._database, only, limit)

    def finding(self, finding_id: str, *, site: str | None = None) -> FindingRecord | None:
        """Return one finding."""
        return queries.select_finding(self._database, finding_id, site)

    def verdicts_of(self, finding: Finding, *, limit: int = 500) -> list[VerdictRecord]:
        """Return the corroded verdicts of a finding's kind from its first to its last, oldest first.

        A finding's message does not list its verdicts, so this is a superset; the best one is always in it.
        """
        return queries.select_verdicts_of(self._database, finding, limit)

    def findings_open_at(self, only: VerdictFilter, *, begin: datetime, end: datetime) -> list[FindingRecord]:
        """Return the findings that were open at one of the verdicts of a filter, in the order of arrival.

        Args:
            only: a filter with the robot.
            begin: earliest time of those verdicts, for findings whose own verdicts are deleted.
            end: their latest time.
        """
        return queries.select_findings_open_at(self._database, only, begin, end)

    def findings_around(self, verdict: Verdict) -> list[FindingRecord]:
        """Return the findings that were open at a stored verdict, in the order of arrival."""
        return queries.select_findings_around(self._database, verdict)

    def gaps(self, *, site: str | None = None, robot: str | None = None, limit: int = 1000) -> list[Gap]:
        """Return the ranges of missing numbers, the newest first; late arrivals close gaps."""
        return sequence_gaps.select_gaps(self._database, site, robot, limit)

    def conflicts(self, *, limit: int = 100) -> list[Conflict]:
        """Return the verdicts that came with an id that another verdict had, newest first."""
        return conflicts.select_conflicts(self._database, limit)

    def stored_up_to(self, site: str, robot: str, epoch: str, *, from_first_heard: bool = False) -> int:
        """Return the number up to which every verdict of ``epoch`` is stored; 0 if the first is missing.

        ``from_first_heard`` starts at the lowest stored number instead of 1.
        """
        return sequence_gaps.find_stored_up_to(
            self._database, site, robot, epoch, from_first_heard=from_first_heard
        )

    def strip(self, only: VerdictFilter, *, cells: int = 200, by_time: bool = False) -> list[StripCell]:
        """Count verdicts in at most ``cells`` equal stretches of the pose, or of time, for a strip chart.

        Stretches without a verdict are left out.
        """
        return strip_cells.select_strip_cells(self._database, only, cells, by_time=by_time)

    def queue(self, only: QueueFilter, *, limit: int = 200, after: str | None = None) -> list[QueuedPicture]:
        """Return pictures to review, what teaches most first, one page after the one of a verdict's id."""
        return review_queue.select_queue(self._database, only, limit, after)

    def count_queue(self, only: QueueFilter) -> dict[str, int]:
        """Count the pictures to review by reason; "" stands for none told."""
        return review_queue.count_queue(self._database, only)

    def queued(self, verdict_id: str) -> QueuedPicture | None:
        """Return the picture of one verdict with its reasons, reviewed or not; None without a picture."""
        return review_queue.select_queued(self._database, verdict_id)

    def add_audit_entry(self, entry: AuditEntry) -> None:
        """Store who did what."""
        audit.insert_entry(self._database, entry)

    def audit_entries(
        self,
        *,
        limit: int,
        before: int | None = None,
        user: str | None = None,
        action: Deed | None = None,
    ) -> list[AuditEntry]:
        """Return who did what, newest first; those before a position, of one user, of one kind."""
        return audit.select_entries(self._database, limit, before, user, action)

    def reviews(
        self, *, finding_id: str | None = None, delivery: Delivery | None = None, limit: int = 1000
    ) -> list[StoredReview]:
        """Return reviews, newest first."""
        return reviews.select_reviews(self._database, finding_id, delivery, limit)

    def responses(self, *, command_id: str | None = None, limit: int = 200) -> list[ResponseRecord]:
        """Return responses to commands, newest first."""
        return queries.select_responses(self._database, command_id, limit)

    def picture(self, site: str, robot: str, sha256: str, *, full: bool = True) -> StoredPicture | None:
        """Return a picture: the full one if it is stored and ``full``, else its thumbnail."""
        return queries.select_picture(self._database, site, robot, sha256, full=full)

    def assets(self) -> list[str]:
        """Return the names of all assets that occur in verdicts."""
        return queries.select_distinct(self._database, "asset")

    def words(self, column: str) -> list[str]:
        """Return the distinct values of material, form, severity or asset in verdicts."""
        return queries.select_distinct(self._database, column)

    def refused(self) -> list[RefusalCount]:
        """Return how many messages could not be read, by reason, most frequent first."""
        return queries.select_refusals(self._database)

    def usage(self) -> Usage:
        """Return the size of the history."""
        return queries.measure_usage(self._database)

    # --- bounds

    def shares(self, *, max_bytes: int) -> list[Share]:
        """Return what each robot takes of the bound on messages, by site and name."""
        used = ledger.sum_by_name(self._database)
        return [Share(site, robot, taken, max_bytes // len(used)) for site, robot, taken in used]

    def count_shares(self) -> None:
        """Count what each robot takes, as far as that is not done; after an upgrade of all."""
        ledger.catch_up(self._database, is_first=True)

    def file_bytes(self) -> int:
        """Return the size of the file without its free room; cheap."""
        return self._database.used_bytes()

    def trim(
        self,
        *,
        max_bytes: int,
        max_picture_bytes: int,
        days: float | None = None,
        now: datetime | None = None,
    ) -> int:
        """Delete rows beyond the bounds and return their count: the oldest, of robots that use most.

        Each robot keeps at least its rows or an equal part of the bound. The numbers of deleted verdicts stay
        recorded, so a deletion leaves no gap. A retired robot of which no row is left is forgotten.

        Args:
            max_bytes: of everything but pictures.
            max_picture_bytes: of pictures.
            days: age at which rows are deleted; None deletes nothing by age.
            now: the time by which they age, one that it is at least; the wall clock if not given.
        """
        now = now or _now()
        return retention.delete_beyond_bounds(
            self._database,
            max_bytes=max_bytes,
            max_picture_bytes=max_picture_bytes,
            before_us=None if days is None else to_us(now - timedelta(days=days)),
            now_us=to_us(now),
        )


def _us_or_now(moment: datetime | None) -> int:
    return to_us(moment or _now())


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), timezone.utc)
