"""What a query string asks for: typed, bounded, each problem in one sentence."""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec

from edge_node.control_room.history.records import FindingFilter, VerdictFilter
from edge_node.messages.verdict import Outcome  # the same

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PAGE = 1000
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Question = TypeVar("Question", bound=msgspec.Struct)


class AskingError(Exception):
    """A query cannot be answered; its text says why."""


class VerdictQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Verdicts: every filter is optional; times are ISO 8601 with a zone, places are metres."""

    site: Word | None = None
    robot: Word | None = None
    asset: Word | None = None
    outcome: Outcome | None = None
    material: Word | None = None
    form: Word | None = None
    severity: Word | None = None
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    from_m: float | None = None
    to_m: float | None = None
    replayed: bool | None = None
    with_picture: bool = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = 200
    after: Word | None = None  # the id of the last verdict of the page before
    oldest_first: bool = False

    def filter(self) -> VerdictFilter:
        """Return which verdicts."""
        given = {name: getattr(self, name) for name in VerdictFilter.__dataclass_fields__}
        return VerdictFilter(**{**given, "outcome": self.outcome.value if self.outcome else None})


class StripQuestion(VerdictQuestion, frozen=True, kw_only=True):
    """A strip chart: the same filters, along the pose or over time."""

    cells: Annotated[int, msgspec.Meta(ge=1, le=2000)] = 240
    by_time: bool = False


class FindingQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Findings: every filter is optional."""

    site: Word | None = None
    robot: Word | None = None
    asset: Word | None = None
    material: Word | None = None
    severity: Word | None = None
    is_open: bool | None = None
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = 200

    def filter(self) -> FindingFilter:
        """Return which findings."""
        return FindingFilter(**{name: getattr(self, name) for name in FindingFilter.__dataclass_fields__})


def parse_query(query: Mapping[str, str], kind: type[Question]) -> Question:
    """Return what a query asks for; empty values are left out, as forms send them.

    Raises:
        AskingError: a key or a value is none.
    """
    given = {name: value for name, value in query.items() if value != ""}
    try:
        return msgspec.convert(given, kind, strict=False)
    except (msgspec.ValidationError, ValueError, OverflowError) as err:
        raise AskingError(str(err).replace("`", "")) from None
