"""Parse query strings into typed, bounded parameters; report each problem in one sentence."""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import msgspec

from edge_node.control_room.history.records import FindingFilter, QueueFilter, VerdictFilter
from edge_node.messages.verdict import Outcome  # the same
from edge_node.validation import describe_invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_PAGE = 1000
NOT_TOLD = "none"
FilterText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Query = TypeVar("Query", bound=msgspec.Struct)


class QueryError(Exception):
    """A query string is invalid; the text gives the reason."""


class VerdictQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters for verdicts: filters, all optional; times are ISO 8601 with a zone, poses metres."""

    site: FilterText | None = None
    robot: FilterText | None = None
    asset: FilterText | None = None
    outcome: Outcome | None = None
    material: FilterText | None = None
    form: FilterText | None = None
    severity: FilterText | None = None
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    from_m: float | None = None
    to_m: float | None = None
    replayed: bool | None = None
    with_picture: bool = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = 200
    after: FilterText | None = None  # the id of the last verdict of the previous page
    oldest_first: bool = False

    def filter(self) -> VerdictFilter:
        """Return the filter for the history."""
        given = {name: getattr(self, name) for name in VerdictFilter.__dataclass_fields__}
        return VerdictFilter(**{**given, "outcome": self.outcome.value if self.outcome else None})


class StripQuery(VerdictQuery, frozen=True, kw_only=True):
    """Query parameters for a strip chart: the same filters, along the pose or over time."""

    cells: Annotated[int, msgspec.Meta(ge=1, le=2000)] = 240
    by_time: bool = False


class FindingQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters for findings: filters, all optional."""

    site: FilterText | None = None
    robot: FilterText | None = None
    asset: FilterText | None = None
    material: FilterText | None = None
    severity: FilterText | None = None
    is_open: bool | None = None
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = 200

    def filter(self) -> FindingFilter:
        """Return the filter for the history."""
        return FindingFilter(**{name: getattr(self, name) for name in FindingFilter.__dataclass_fields__})


class ReviewQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters for pictures to review: filters, all optional."""

    site: FilterText | None = None
    robot: FilterText | None = None
    reason: FilterText | None = None  # why they were kept; "none": of which the robot tells no reason
    reviewed: bool = False
    missing: bool = False  # those that have not come too
    order: Literal["teaching", "severity"] = "teaching"
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = 100
    after: FilterText | None = None  # the id of the last verdict of the previous page

    def filter(self, severities: Sequence[str]) -> QueueFilter:
        """Return the filter for the history; ``severities`` are the room's words in rising order."""
        reason = "" if self.reason == NOT_TOLD else self.reason
        worst_first = tuple(severities) if self.order == "severity" else None
        return QueueFilter(self.site, self.robot, reason, self.reviewed, self.missing, worst_first)


def parse_query(query: Mapping[str, str], kind: type[Query]) -> Query:
    """Convert a query string to ``kind``; empty values, as forms send them, count as absent.

    Raises:
        QueryError: an unknown key or an invalid value.
    """
    given = {name: value for name, value in query.items() if value != ""}
    try:
        return msgspec.convert(given, kind, strict=False)
    except (msgspec.ValidationError, ValueError, OverflowError) as err:
        raise QueryError(describe_invalid(err, given, kind)) from None
