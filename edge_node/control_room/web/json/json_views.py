"""Convert records to the JSON objects of the API; keys are those of the messages."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.control_room.history.record_proof.robot_proofs import describe
from edge_node.control_room.people.roles import Role
from edge_node.unprintable import replace_unprintable

if TYPE_CHECKING:
    from datetime import datetime

    from edge_node.control_room.history.record_proof.robot_proofs import RobotProof
    from edge_node.control_room.history.records import (
        Conflict,
        FindingRecord,
        QueuedPicture,
        RobotRecord,
        StoredPicture,
        StoredReview,
        VerdictRecord,
    )
    from edge_node.control_room.history.strip_cells import Strip, StripCell
    from edge_node.control_room.ingest.ingest import Link
    from edge_node.control_room.people.roles import Person
    from edge_node.messages.verdict import Verdict

_MOST_EPOCHS, _MOST_BREAKS = 20, 20
_MAP_DIGITS = 2  # decimals: finer than the map's own resolution


def verdict_row(verdict: Verdict, received_at: datetime, *, replayed: bool) -> dict[str, Any]:
    """Return the fields of a verdict that a table row shows."""
    return {
        "id": verdict.id,
        "site": verdict.site,
        "robot": verdict.robot,
        "seq": verdict.seq,
        "observed_at": verdict.observed_at,
        "received_at": received_at,
        "replayed": replayed,
        "outcome": verdict.outcome,
        "material": verdict.material,
        "form": verdict.form,
        "severity": verdict.severity,
        "confidence": verdict.condition_confidence,
        "area_fraction": verdict.area_fraction,
        "area_mm2": verdict.area_mm2,
        "asset": verdict.asset,
        "distance_m": verdict.pose.distance_m if verdict.pose else None,
        "x_m": verdict.pose.x_m if verdict.pose else None,
        "y_m": verdict.pose.y_m if verdict.pose else None,
        "reason": verdict.reasons[0].text if verdict.reasons else None,
        "evidence_sha256": verdict.evidence_sha256,
    }


def record_row(record: VerdictRecord) -> dict[str, Any]:
    """Return the same fields for a stored verdict."""
    return verdict_row(record.verdict, record.received_at, replayed=record.replayed)


def verdict_view(record: VerdictRecord) -> dict[str, Any]:
    """Return a verdict as the robot sent it, with its time of arrival."""
    return {"received_at": record.received_at, "replayed": record.replayed, "verdict": record.verdict}


def queued_view(found: QueuedPicture) -> dict[str, Any]:
    """Return a picture to review: the fields of its verdict's row, why it was kept, what the shadow says."""
    said = found.disagreement
    return {
        **record_row(found.record),
        "evidence_sha256": found.sha256,
        "evidence_reasons": found.reasons,
        "margin": found.record.verdict.margin,
        "shadow": None if said is None else {"differs": said.differs, "stages": said.stages, "new": said.new},
    }


def robot_view(record: RobotRecord) -> dict[str, Any]:
    """Return a robot's status, health and counts."""
    return {
        "site": record.site,
        "robot": record.robot,
        "status": record.status,
        "health": record.health,
        "first_heard_at": record.first_heard_at,
        "last_heard_at": record.last_heard_at,
        "last_verdict_at": record.last_verdict_at,
        "verdicts": record.verdicts,
        "duplicates": record.duplicates,
        "missing": record.missing,
        "conflicts": record.conflicts,
        "clock_ahead_s": record.clock_ahead_s,
    }


def finding_view(record: FindingRecord) -> dict[str, Any]:
    """Return a finding as the robot sent it, with its newest review, or what a robot says of one.

    ``review`` within the finding is the robot's word too: only the one beside it is a person's.
    """
    return {
        "received_at": record.received_at,
        "finding": record.finding,
        "review": review_view(record.review) if record.review else None,
        "claim": review_view(record.claim) if record.claim else None,
    }


def conflict_view(conflict: Conflict) -> dict[str, Any]:
    """Return a verdict whose id another one had, with its payload; what a page would not show is replaced."""
    return {**asdict(conflict), "payload": replace_unprintable(msgspec.json.decode(conflict.payload))}


def review_view(review: StoredReview) -> dict[str, Any]:
    """Return the fields of a review."""
    return asdict(review)


def strip_view(cells: list[StripCell]) -> list[dict[str, Any]]:
    """Return the cells of a strip chart."""
    return [asdict(cell) for cell in cells]


def asset_strip_view(strip: Strip) -> dict[str, Any]:
    """Return the strip chart of one asset."""
    return {
        "site": strip.site,
        "robots": strip.robots,
        "asset": strip.asset,
        "by_time": strip.by_time,
        "cells": strip_view(list(strip.cells)),
    }


def marking_view(picture: StoredPicture) -> dict[str, Any] | None:
    """Return the corrosion map that a full picture carries, row by row from 0 to 1; None without."""
    from edge_node.evidence.marked_jpeg import read_marking  # imports OpenCV, which would slow the start

    marking = None if picture.is_thumbnail else read_marking(picture.content)
    if marking is None or marking.corroded is None:
        return None
    cells = marking.corroded.round(_MAP_DIGITS)
    return {"rows": cells.shape[0], "columns": cells.shape[1], "corroded": cells.ravel().tolist()}


def proof_view(found: RobotProof) -> dict[str, Any]:
    """Return what is proved of a robot's record, with its newest epochs."""
    epochs = [
        {
            "epoch": one.name,
            "state": one.state,
            "text": describe(one),
            "last": one.last,
            "proved_from": one.proved_from,
            "proved_to": one.proved_to,
            "missing_unnamed": one.unnamed,
            "breaks": [
                {"seq": broken.seq, "names": _hex(broken.wanted), "stored": _hex(broken.found)}
                for broken in one.breaks[:_MOST_BREAKS]
            ],
        }
        for one in found.epochs[:_MOST_EPOCHS]
    ]
    names = ("site", "robot", "state", "sentence", "epoch", "proved_to", "not_yet", "signed_at", "problems")
    return {**{name: getattr(found, name) for name in names}, "epochs": epochs}


def link_view(link: Link) -> dict[str, Any]:
    """Return the state of the control room's own broker connection."""
    return {
        "state": link.state,
        "since": link.since,
        "known_until": link.known_until,
        "text": link.text,
        "notices": link.notices,
    }


def person_view(person: Person, *, can_send: bool) -> dict[str, Any]:
    """Return who looks at the page and what it offers: what the role does not allow is not shown."""
    return {
        "me": {"name": person.name, "role": person.role, "origin": person.origin},
        "can": {
            "review": can_send and person.may(Role.REVIEWER),
            "command": can_send and person.may(Role.OPERATOR),
            "place": person.may(Role.OPERATOR),
            "administer": person.may(Role.ADMIN),
        },
        "logins": bool(person.session),
    }


def _hex(sha256: bytes | None) -> str | None:
    return None if sha256 is None else sha256.hex()


def as_json(view: object) -> bytes:
    """Encode an object as JSON; times are ISO 8601 in UTC."""
    return msgspec.json.encode(view)
