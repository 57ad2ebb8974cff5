"""Parse query strings into typed, bounded parameters; report each problem in one sentence."""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec

from edge_node.control_room.history.records import FindingFilter, QueueFilter, VerdictFilter
from edge_node.messages.verdict import Outcome  # the same
from edge_node.validation import describe_invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PAGE = 1000
NOT_TOLD = "none"
_PAIR = 2  # site and robot
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
    without_asset: bool = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = 200
    after: FilterText | None = None  # the id of the last verdict of the previous page
    oldest_first: bool = False

    def filter(self) -> VerdictFilter:
        """Return the filter for the history."""
        given = {name: getattr(self, name) for name in VerdictFilter.__dataclass_fields__}
        return VerdictFilter(**{**given, "outcome": self.outcome.value if self.outcome else None})


class StripQuery(VerdictQuery, frozen=True, kw_only=True):
    """Query parameters for strip charts: the same filters, along the pose or over time.

    Attributes:
        by_asset: a strip for each asset, instead of all verdicts in one.
        robots: only these, as ``site/robot`` with commas between; for ``by_asset``.
        most: of the strips of ``by_asset``, those with the newest verdicts.
    """

    cells: Annotated[int, msgspec.Meta(ge=1, le=2000)] = 240
    by_time: bool = False
    by_asset: bool = False
    robots: Annotated[str, msgspec.Meta(max_length=2000)] | None = None
    most: Annotated[int, msgspec.Meta(ge=1, le=100)] = 12

    def named_robots(self) -> frozenset[tuple[str, str]] | None:
        """Return site and name of the robots that are asked for; None means all.

        Raises:
            QueryError: one is no ``site/robot``.
        """
        if self.robots is None:
            return None
        pairs = [tuple(name.split("/")) for name in self.robots.split(",")]
        if any(len(pair) != _PAIR or not all(pair) for pair in pairs):
            raise QueryError(f"robots = {self.robots}: wanted site/robot, with commas between")
        return frozenset((pair[0], pair[1]) for pair in pairs)


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
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = 100
    after: FilterText | None = None  # the id of the last verdict of the previous page

    def filter(self) -> QueueFilter:
        """Return the filter for the history."""
        reason = "" if self.reason == NOT_TOLD else self.reason
        return QueueFilter(self.site, self.robot, reason, self.reviewed, self.missing)


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
