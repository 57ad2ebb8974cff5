"""Define what a rule sees of one subject: that it is so, or not, or that it came too late to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_node.clock_floor import format_span
from edge_node.control_room.history.database import from_us, to_us

if TYPE_CHECKING:
    from datetime import datetime

LATE_S = 300.0  # what is older when it comes waited for a link


class Observation(NamedTuple):
    """What a rule sees of a subject.

    Attributes:
        subject: unique among what the rule sees: SITE/ROBOT, SITE/ROBOT PART, SITE ID SEVERITY of a finding.
        is_on: what the rule tells of is so; else it is not, or no longer.
        is_too_old: it came so late that it is listed, and not told.
    """

    subject: str
    site: str
    robot: str
    text: str
    is_on: bool = True
    is_too_old: bool = False


def describe_time(at: datetime) -> str:
    """Return a time for people, with its zone."""
    return f"{from_us(to_us(at)):%Y-%m-%d %H:%M:%S} +00:00"


def describe_lateness(age_us: int | None) -> str:
    """Say that something came late, where it did; "" if it did not."""
    if age_us is None:
        return "; the robot's clock was wrong, so it is not known when it was seen"
    return f"; late: it came {format_span(age_us / 1e6)} after it was seen" if age_us > LATE_S * 1e6 else ""
