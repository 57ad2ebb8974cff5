"""The record of all robots: what they said, once each, and what people said of it.

``database.py`` alone knows SQLite, ``searching.py`` words the queries, ``records.py`` says what comes out. A
verdict is known by its robot, epoch and number: what comes twice is counted, what is missing is a gap until
it comes.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.history import queries as searching
from edge_node.control_room.history import retention as trimming
from edge_node.control_room.history import sequence_gaps as arrived
from edge_node.control_room.history import strip_cells
from edge_node.control_room.history.database import Database, to_us
from edge_node.messages.finding import FindingState
from edge_node.messages.verdict import encode

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from edge_node.control_room.history.records import (
        Delivery,
        FindingFilter,
        FindingRecord,
        Gap,
        Refusals,
        ResponseRecord,
        RobotRecord,
        StoredPicture,
        StoredReview,
        StripCell,
        Usage,
        VerdictFilter,
        VerdictRecord,
    )
    from edge_node.messages.finding import Finding
    from edge_node.messages.response import Response
    from edge_node.messages.status import Health, Status
    from edge_node.messages.verdict import Verdict

MAX_COLUMN = 200  # signs of a text that is searched by; the message itself keeps all of it
MAX_REASONS = 100  # kinds of unreadable messages that are told apart


class History:
    """One control room's record; any thread may use it."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Open the history in ``folder``, made if it is not there.

        Args:
            folder: the control room's ``state_dir``.
            read_only: look at it beside a running control room.

        Raises:
            HistoryError: it is no history, is damaged, or a newer version wrote it.
        """
        self._database = Database(folder, read_only=read_only)
        self._robots: dict[tuple[str, str], int] = {}

    def close(self) -> None:
        """Close the file; never raises."""
        self._database.close()

    def transaction(self) -> AbstractContextManager[None]:
        """Make all ``add_...`` inside one commit: a hundred verdicts cost as much as one.

        Raises:
            HistoryError: nothing of it was written.
        """
        return self._database.transaction()

    # --- what robots say

    def add_verdict(
        self, verdict: Verdict, *, received_at: datetime | None = None, replayed: bool = False
    ) -> bool:
        """Keep a verdict; False if it came before, which is counted."""
        received_us = to_us(received_at or _now())
        observed_us = to_us(verdict.observed_at)
        database = self._database
        with database.transaction():
            robot_key = self._robot_key(verdict.site, verdict.robot, received_us)
            epoch_key = self._epoch_key(robot_key, epoch_of(verdict))
            if not arrived.note_number(database, epoch_key, verdict.seq):
                database.write(
                    "UPDATE robot SET duplicates = duplicates + 1, last_heard_us = ? WHERE robot_key = ?",
                    (received_us, robot_key),
                )
                return False
            position = database.insert(
                "INSERT INTO verdict (robot_key, epoch_key, seq, observed_us, received_us, replayed, outcome,"
                " material, form, severity, asset, distance_m, area_fraction, evidence)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(robot_key, epoch_key, verdict.seq, observed_us, received_us, replayed),
                    *(verdict.outcome.value, _cut(verdict.material), _cut(verdict.form)),
                    *(_cut(verdict.severity), _cut(verdict.asset)),
                    *(verdict.pose.distance_m if verdict.pose else None, verdict.area_fraction),
                    _cut(verdict.evidence_sha256),
                ),
            )
            database.write("INSERT INTO verdict_message VALUES (?, ?)", (position, encode(verdict)))
            ahead_us = None if replayed else observed_us - received_us
            database.write(
                "UPDATE robot SET verdicts = verdicts + 1, last_heard_us = ?2, last_verdict_us = ?2,"
                " clock_ahead_us = coalesce(?3, clock_ahead_us) WHERE robot_key = ?1",
                (robot_key, received_us, ahead_us),
            )
        return True

    def add_finding(self, finding: Finding, *, received_at: datetime | None = None) -> bool:
        """Keep what a finding became; False if that, or something newer of it, was known."""
        received_us = to_us(received_at or _now())
        is_open = finding.state is not FindingState.CLOSED
        last_us = to_us(finding.last_observed_at)
        database = self._database
        with database.transaction():
            robot_key = self._robot_key(finding.site, finding.robot, received_us)
            known = database.peek(
                "SELECT is_open, frames, last_us FROM finding WHERE robot_key = ? AND finding_id = ?",
                (robot_key, finding.id),
            )
            # Numbers of messages begin anew with a new spool; what a finding collects only grows.
            if known is not None and (not known[0], *known[1:]) >= (not is_open, finding.frames, last_us):
                return False
            database.write(
                "INSERT INTO finding (robot_key, finding_id, is_open, frames, first_us, last_us, received_us,"
                " material, severity, asset, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (robot_key, finding_id) DO UPDATE SET is_open = excluded.is_open,"
                " frames = excluded.frames, first_us = excluded.first_us, last_us = excluded.last_us,"
                " received_us = excluded.received_us, material = excluded.material,"
                " severity = excluded.severity, asset = excluded.asset, payload = excluded.payload",
                (
                    *(robot_key, finding.id, is_open, finding.frames, to_us(finding.first_observed_at)),
                    *(last_us, received_us, _cut(finding.material), _cut(finding.peak_severity)),
                    *(_cut(finding.asset), encode(finding)),
                ),
            )
        return True

    def set_status(
        self, status: Status, *, received_at: datetime | None = None, is_retained: bool = False
    ) -> None:
        """Keep what a robot, or its will, said last; what the broker retained was not said just now."""
        self._set("status", status, received_at, is_heard=not is_retained)

    def set_health(self, health: Health, *, received_at: datetime | None = None) -> None:
        """Keep how a robot did last."""
        self._set("health", health, received_at, is_heard=True)

    def add_response(self, response: Response, *, received_at: datetime | None = None) -> bool:
        """Keep an answer to a command; False if it came before."""
        received_us = to_us(received_at or _now())
        with self._database.transaction():
            robot_key = self._robot_key(response.site, response.robot, received_us)
            changed = self._database.write(
                "INSERT OR IGNORE INTO response (robot_key, response_id, received_us, command_id, payload)"
                " VALUES (?, ?, ?, ?, ?)",
                (robot_key, response.id, received_us, response.command_id, encode(response)),
            )
        return changed > 0

    def add_picture(self, picture: StoredPicture, *, received_at: datetime | None = None) -> bool:
        """Keep a picture whose hash the caller has checked; False if it is there."""
        received_us = to_us(received_at or _now())
        with self._database.transaction():
            robot_key = self._robot_key(picture.site, picture.robot, received_us)
            changed = self._database.write(
                "INSERT OR IGNORE INTO picture (robot_key, sha256, is_thumbnail, received_us, bytes, content)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    *(robot_key, picture.sha256, picture.is_thumbnail, received_us),
                    *(len(picture.content), picture.content),
                ),
            )
        return changed > 0

    def note_refused(self, reason: str, topic: str, text: str) -> None:
        """Count a message that could not be read."""
        self._database.write(
            "INSERT INTO refused SELECT ?1, 1, ?2, ?3, ?4"
            f" WHERE (SELECT count(*) FROM refused) < {MAX_REASONS}"
            " OR EXISTS (SELECT 1 FROM refused WHERE reason = ?1)"
            " ON CONFLICT (reason) DO UPDATE SET count = count + 1, last_us = ?2, last_topic = ?3,"
            " last_text = ?4",
            (_cut(reason), to_us(_now()), _cut(topic), _cut(text)),
        )

    # --- what people say

    def add_review(self, review: StoredReview) -> None:
        """Keep a review.

        Raises:
            HistoryError: one with this id is there.
        """
        self._insert_review(review, "INSERT")

    def learn_review(self, review: StoredReview) -> bool:
        """Keep a review that was made elsewhere; False if one with this id is there."""
        return self._insert_review(review, "INSERT OR IGNORE") > 0

    def answer_review(self, review_id: str, delivery: Delivery, answer: str) -> bool:
        """Note what the robot said to a review; False if there is no such review."""
        return bool(
            self._database.write(
                "UPDATE review SET delivery = ?, answer = ? WHERE review_id = ?",
                (delivery.value, _cut(answer), review_id),
            )
        )

    # --- looking it up

    def robots(self) -> list[RobotRecord]:
        """Return all robots, by site and name."""
        return searching.robots(self._database)

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
            only: which.
            limit: how many at most.
            after: go on behind this one, for the next page.
            oldest_first: the other way round.
        """
        return searching.verdicts(self._database, only, limit, after, oldest_first=oldest_first)

    def count_verdicts(self, only: VerdictFilter | None = None) -> int:
        """Return how many verdicts there are."""
        return searching.count_verdicts(self._database, only)

    def verdict(self, verdict_id: str) -> VerdictRecord | None:
        """Return the verdict with this id."""
        return searching.verdict(self._database, verdict_id)

    def newest(self, limit: int = 50) -> list[VerdictRecord]:
        """Return the verdicts that arrived last, newest first."""
        return searching.newest(self._database, limit)

    def findings(self, only: FindingFilter | None = None, *, limit: int = 500) -> list[FindingRecord]:
        """Return findings, open ones first, then by when they were last seen, newest first."""
        return searching.findings(self._database, only, limit)

    def finding(self, finding_id: str, *, site: str | None = None) -> FindingRecord | None:
        """Return one finding."""
        return searching.finding(self._database, finding_id, site)

    def verdicts_of(self, finding: Finding, *, limit: int = 500) -> list[VerdictRecord]:
        """Return the corroded verdicts of a finding's kind from its first to its last, oldest first.

        Which of them the robot counted is not in its message; the best verdict is always among them.
        """
        return searching.verdicts_of(self._database, finding, limit)

    def gaps(self, *, site: str | None = None, robot: str | None = None, limit: int = 1000) -> list[Gap]:
        """Return the numbers that are missing, the newest first; late arrivals close gaps."""
        return arrived.gaps(self._database, site, robot, limit)

    def stored_up_to(self, site: str, robot: str, epoch: str, *, from_first_heard: bool = False) -> int:
        """Return up to which number every verdict of ``epoch`` came; 0 if the first is missing.

        ``from_first_heard`` takes the lowest number that came for the first one.
        """
        return arrived.stored_up_to(self._database, site, robot, epoch, from_first_heard=from_first_heard)

    def strip(self, only: VerdictFilter, *, cells: int = 200, by_time: bool = False) -> list[StripCell]:
        """Return a strip chart: verdicts along the pose or over time, in ``cells`` stretches at most.

        Stretches without a verdict are left out.
        """
        return strip_cells.strip(self._database, only, cells, by_time=by_time)

    def reviews(
        self, *, finding_id: str | None = None, delivery: Delivery | None = None, limit: int = 1000
    ) -> list[StoredReview]:
        """Return reviews, newest first."""
        return searching.reviews(self._database, finding_id, delivery, limit)

    def responses(self, *, command_id: str | None = None, limit: int = 200) -> list[ResponseRecord]:
        """Return answers to commands, newest first."""
        return searching.responses(self._database, command_id, limit)

    def picture(self, site: str, robot: str, sha256: str, *, full: bool = True) -> StoredPicture | None:
        """Return a picture; the full one if it is there and ``full``, else its thumbnail."""
        return searching.picture(self._database, site, robot, sha256, full=full)

    def assets(self) -> list[str]:
        """Return the names of all assets that verdicts speak of."""
        return searching.distinct(self._database, "asset")

    def words(self, column: str) -> list[str]:
        """Return what verdicts say for material, form or severity, for a list to choose from."""
        return searching.distinct(self._database, column)

    def refused(self) -> list[Refusals]:
        """Return the messages that could not be read, by reason, most first."""
        return searching.list_refusals(self._database)

    def usage(self) -> Usage:
        """Return how large the history is."""
        return searching.usage(self._database)

    # --- staying within bounds

    def trim(self, *, max_bytes: int, max_picture_bytes: int, days: float | None = None) -> int:
        """Give up the oldest verdicts, closed findings and pictures beyond the bounds; return how many.

        Findings outlive their verdicts unless ``days`` have passed; numbers that came stay known, so what
        was given up is no gap.
        """
        return trimming.trim(
            self._database,
            max_bytes=max_bytes,
            max_picture_bytes=max_picture_bytes,
            before_us=None if days is None else to_us(_now() - timedelta(days=days)),
        )

    def _insert_review(self, review: StoredReview, how: str) -> int:
        with self._database.transaction():
            reviewed_us = to_us(review.reviewed_at)
            return self._database.write(
                f"{how} INTO review (review_id, robot_key, finding_id, reviewed_us, opinion, note, reviewer,"
                " corrections, delivery, answer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(review.review_id, self._robot_key(review.site, review.robot, reviewed_us)),
                    *(review.finding_id, reviewed_us, review.opinion.value, review.note, review.reviewer),
                    msgspec.json.encode(dict(review.corrections)).decode(),
                    *(review.delivery.value, review.answer),
                ),
            )

    def _set(
        self, column: str, message: Status | Health, received_at: datetime | None, *, is_heard: bool
    ) -> None:
        received_us = to_us(received_at or _now())
        with self._database.transaction():
            robot_key = self._robot_key(message.site, message.robot, received_us)
            self._database.write(
                f"UPDATE robot SET {column} = ?1, last_heard_us = iif(?3, ?2, last_heard_us)"
                " WHERE robot_key = ?4",
                (encode(message), received_us, is_heard, robot_key),
            )

    def _robot_key(self, site: str, robot: str, heard_us: int) -> int:
        row = self._database.peek("SELECT robot_key FROM robot WHERE site = ? AND robot = ?", (site, robot))
        if row is not None:
            return int(row[0])
        return self._database.insert(
            "INSERT INTO robot (site, robot, first_heard_us, last_heard_us) VALUES (?, ?, ?, ?)",
            (site, robot, heard_us, heard_us),
        )

    def _epoch_key(self, robot_key: int, epoch: str) -> int:
        row = self._database.peek(
            "SELECT epoch_key FROM epoch WHERE robot_key = ? AND epoch = ?", (robot_key, epoch)
        )
        if row is not None:
            return int(row[0])
        return self._database.insert("INSERT INTO epoch (robot_key, epoch) VALUES (?, ?)", (robot_key, epoch))


def epoch_of(verdict: Verdict) -> str:
    """Return the epoch in a verdict's id: what the robot's name precedes and the number follows."""
    return verdict.id.rpartition(":")[0].partition(":")[2]


def _cut(text: str | None) -> str | None:
    return text if text is None else text[:MAX_COLUMN]


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), timezone.utc)
