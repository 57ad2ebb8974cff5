"""Insert messages and reviews into the history's tables, each once.

A message that arrives twice is recognized: a verdict by robot, epoch, number and hash, a finding by its
state, a response by its id, a picture by its hash.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.history import conflicts, epochs, review_queue, sequence_gaps
from edge_node.control_room.history.database import NO_REASON, to_us
from edge_node.messages.finding import FindingState
from edge_node.messages.identifiers import split_verdict_id
from edge_node.messages.status import Presence, Status
from edge_node.messages.verdict import encode

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database
    from edge_node.control_room.history.records import Delivery, StoredPicture, StoredReview
    from edge_node.messages.finding import Finding
    from edge_node.messages.response import Response
    from edge_node.messages.shadow import Disagreement
    from edge_node.messages.status import Health
    from edge_node.messages.verdict import Verdict

MAX_COLUMN = 200  # characters of a text that is searched by; the message itself is stored whole
MAX_REASONS = 100  # kinds of unreadable messages that are counted separately


def insert_verdict(
    database: Database, verdict: Verdict, payload: bytes, received_us: int, *, replayed: bool
) -> bool:
    """Store a verdict; return False, and count a duplicate or a conflict, if its number was stored before."""
    sha256 = hashlib.sha256(payload).digest()
    observed_us = to_us(verdict.observed_at)
    with database.transaction():
        robot_key = _robot_key(database, verdict.site, verdict.robot, received_us)
        epoch = split_verdict_id(verdict.id).epoch
        epoch_key = epochs.find_epoch(database, robot_key, epoch)
        if not sequence_gaps.add_number(database, epoch_key, verdict.seq):
            is_same = conflicts.note_repeated(database, epoch_key, verdict, payload, received_us)
            database.write(
                "UPDATE robot SET duplicates = duplicates + ?, last_heard_us = ? WHERE robot_key = ?",
                (is_same, received_us, robot_key),
            )
            return False
        if verdict.previous_epoch is not None:
            epochs.follow(database, robot_key, epoch_key, verdict.previous_epoch, received_us)
        teaching = review_queue.describe_teaching(verdict) or review_queue.Teaching("", NO_REASON, 0.0)
        position = database.insert(
            "INSERT INTO verdict (robot_key, epoch_key, seq, observed_us, received_us, replayed, outcome,"
            " material, form, severity, asset, distance_m, area_fraction, evidence, sha256,"
            " reasons, teaches, margin) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(robot_key, epoch_key, verdict.seq, observed_us, received_us, replayed),
                *(verdict.outcome.value, _cut(verdict.material), _cut(verdict.form)),
                *(_cut(verdict.severity), _cut(verdict.asset)),
                *(verdict.pose.distance_m if verdict.pose else None, verdict.area_fraction),
                *(_cut(verdict.evidence_sha256), sha256, teaching.reasons, teaching.teaches, teaching.margin),
            ),
        )
        database.write("INSERT INTO verdict_message VALUES (?, ?)", (position, encode(verdict)))
        review_queue.mark_disagreed(database, position, robot_key, epoch, verdict.seq)
        ahead_us = None if replayed else observed_us - received_us
        database.write(
            "UPDATE robot SET verdicts = verdicts + 1, last_heard_us = ?2, last_verdict_us = ?2,"
            " clock_ahead_us = coalesce(?3, clock_ahead_us) WHERE robot_key = ?1",
            (robot_key, received_us, ahead_us),
        )
    return True


def insert_disagreement(database: Database, found: Disagreement, received_us: int) -> bool:
    """Store a shadow's disagreement; return False if it is stored."""
    with database.transaction():
        robot_key = _robot_key(database, found.site, found.robot, received_us)
        return review_queue.insert_disagreement(database, robot_key, found, received_us)


def insert_finding(database: Database, finding: Finding, received_us: int) -> bool:
    """Store the newest state of a finding; return False if this one, or a newer one, is stored."""
    is_open = finding.state is not FindingState.CLOSED
    last_us = to_us(finding.last_observed_at)
    with database.transaction():
        robot_key = _robot_key(database, finding.site, finding.robot, received_us)
        known = database.peek(
            "SELECT is_open, frames, last_us FROM finding WHERE robot_key = ? AND finding_id = ?",
            (robot_key, finding.id),
        )
        # Message numbers restart with a new spool; a finding's frames and times only grow.
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


def update_robot(database: Database, message: Status | Health, received_us: int, *, is_heard: bool) -> None:
    """Replace a robot's last status or health; ``is_heard`` also updates when it was last heard."""
    column = "status" if isinstance(message, Status) else "health"
    with database.transaction():
        robot_key = _robot_key(database, message.site, message.robot, received_us)
        database.write(
            f"UPDATE robot SET {column} = ?1, last_heard_us = iif(?3, ?2, last_heard_us)"
            " WHERE robot_key = ?4",
            (encode(message), received_us, is_heard, robot_key),
        )
        if not isinstance(message, Status) or message.presence is Presence.ONLINE:
            database.write("DELETE FROM retired WHERE robot_key = ?", (robot_key,))


def retire_robot(database: Database, site: str, robot: str, now_us: int) -> bool:
    """List a robot no longer until it is heard again; return False if it is not known. Nothing is deleted."""
    changed = database.write(
        "INSERT OR IGNORE INTO retired SELECT robot_key, ? FROM robot WHERE site = ? AND robot = ?",
        (now_us, site, robot),
    )
    return changed > 0


def insert_response(database: Database, response: Response, received_us: int) -> bool:
    """Store a response to a command; return False if it is stored."""
    with database.transaction():
        robot_key = _robot_key(database, response.site, response.robot, received_us)
        changed = database.write(
            "INSERT OR IGNORE INTO response (robot_key, response_id, received_us, command_id, payload)"
            " VALUES (?, ?, ?, ?, ?)",
            (robot_key, response.id, received_us, response.command_id, encode(response)),
        )
    return changed > 0


def insert_picture(database: Database, picture: StoredPicture, received_us: int) -> bool:
    """Store a picture whose hash the caller has checked; return False if it is stored."""
    with database.transaction():
        robot_key = _robot_key(database, picture.site, picture.robot, received_us)
        changed = database.write(
            "INSERT OR IGNORE INTO picture (robot_key, sha256, is_thumbnail, received_us, bytes, content)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(robot_key, picture.sha256, picture.is_thumbnail, received_us),
                *(len(picture.content), picture.content),
            ),
        )
    return changed > 0


def count_refused(database: Database, reason: str, topic: str, text: str, now_us: int) -> None:
    """Count an unreadable message by its reason, with the newest topic and text as an example."""
    database.write(
        "INSERT INTO refused SELECT ?1, 1, ?2, ?3, ?4"
        f" WHERE (SELECT count(*) FROM refused) < {MAX_REASONS}"
        " OR EXISTS (SELECT 1 FROM refused WHERE reason = ?1)"
        " ON CONFLICT (reason) DO UPDATE SET count = count + 1, last_us = ?2, last_topic = ?3,"
        " last_text = ?4",
        (_cut(reason), now_us, _cut(topic), _cut(text)),
    )


def insert_review(database: Database, review: StoredReview, *, ignore_known: bool) -> bool:
    """Store a review; return False if ``ignore_known`` and its id is stored.

    One that is made here is dated behind those before it: the newest counts, and a clock may be set back.

    Raises:
        HistoryError: not ``ignore_known``, and its id is stored.
    """
    with database.transaction():
        reviewed_us = to_us(review.reviewed_at)
        robot_key = _robot_key(database, review.site, review.robot, reviewed_us)
        if not ignore_known:
            newest = database.peek(
                "SELECT max(reviewed_us) FROM review WHERE robot_key = ? AND finding_id = ?",
                (robot_key, review.finding_id),
            )
            if newest is not None and newest[0] is not None:
                reviewed_us = max(reviewed_us, newest[0] + 1)
        changed = database.write(
            f"INSERT {'OR IGNORE ' if ignore_known else ''}INTO review (review_id, robot_key, finding_id,"
            " reviewed_us, opinion, note, reviewer, corrections, delivery, answer)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(review.review_id, robot_key),
                *(review.finding_id, reviewed_us, review.opinion.value, review.note, review.reviewer),
                msgspec.json.encode(dict(review.corrections)).decode(),
                *(review.delivery.value, review.answer),
            ),
        )
    return changed > 0


def update_review_delivery(database: Database, review_id: str, delivery: Delivery, answer: str) -> bool:
    """Set whether a review reached its robot, and the robot's text; return False if its id is unknown."""
    return bool(
        database.write(
            "UPDATE review SET delivery = ?, answer = ? WHERE review_id = ?",
            (delivery.value, _cut(answer), review_id),
        )
    )


def _robot_key(database: Database, site: str, robot: str, heard_us: int) -> int:
    """Return the key of a robot's row, inserted at its first message."""
    row = database.peek("SELECT robot_key FROM robot WHERE site = ? AND robot = ?", (site, robot))
    if row is not None:
        return int(row[0])
    return database.insert(
        "INSERT INTO robot (site, robot, first_heard_us, last_heard_us) VALUES (?, ?, ?, ?)",
        (site, robot, heard_us, heard_us),
    )


def _cut(text: str | None) -> str | None:
    return text if text is None else text[:MAX_COLUMN]
