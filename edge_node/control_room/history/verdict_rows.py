"""Make of a verdict the columns of its row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from edge_node.control_room.history import review_queue
from edge_node.control_room.history.database import to_us
from edge_node.control_room.history.storage.tables import NO_REASON

if TYPE_CHECKING:
    from edge_node.messages.verdict import Verdict

MAX_COLUMN = 200  # characters of a text that is searched by; the message itself is stored whole
_NO_TEACHING = review_queue.Teaching("", NO_REASON, 0.0)


class NewVerdict(NamedTuple):
    """A verdict as it arrived: its payload as it came, the hash of that, when, and whether it had waited."""

    verdict: Verdict
    payload: bytes
    sha256: bytes
    received_us: int
    replayed: bool


def make_row(new: NewVerdict, robot_key: int, epoch_key: int) -> dict[str, Any]:
    """Return the columns of a verdict's row, but for its position."""
    verdict = new.verdict
    teaching = review_queue.describe_teaching(verdict) or _NO_TEACHING
    return {
        "robot_key": robot_key,
        "epoch_key": epoch_key,
        "seq": verdict.seq,
        "observed_us": to_us(verdict.observed_at),
        "received_us": new.received_us,
        "replayed": new.replayed,
        "outcome": verdict.outcome.value,
        "material": cut(verdict.material),
        "form": cut(verdict.form),
        "severity": cut(verdict.severity),
        "asset": cut(verdict.asset),
        "distance_m": verdict.pose.distance_m if verdict.pose else None,
        "area_fraction": verdict.area_fraction,
        "evidence": cut(verdict.evidence_sha256),
        "sha256": new.sha256,
        "reasons": teaching.reasons,
        "teaches": teaching.teaches,
        "margin": teaching.margin,
    }


def measure_ahead(new: NewVerdict) -> int | None:
    """Return how far the robot's clock was ahead of the room's; None of one that had waited."""
    return None if new.replayed else to_us(new.verdict.observed_at) - new.received_us


def cut(text: str | None) -> str | None:
    """Return what of a text is searched by."""
    return text if text is None else text[:MAX_COLUMN]
