"""Define what may be asked for as long work, and what its process tells of it."""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import msgspec

from edge_node.control_room.database_address import DatabasePlace

if TYPE_CHECKING:
    from edge_node.control_room.settings import RoomSettings

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Title = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
_Client = Annotated[str, msgspec.Meta(max_length=200)]
_Order = Annotated[str, msgspec.Meta(max_length=100)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class JobKind(str, Enum):
    """What is to be made."""

    PDF = "pdf"  # a mission report
    CSV = "csv"  # the same as a table
    JSON = "json"  # the same for programs
    DATASET = "dataset"  # reviewed pictures with labels, in a ZIP file

    @property
    def media_type(self) -> str:
        """The type of the file."""
        types = {
            "pdf": "application/pdf",
            "csv": "text/csv; charset=utf-8",
            "json": "application/json",
            "dataset": "application/zip",
        }
        return types[self.value]


class ReportQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which mission a report is of: one by its id, or a robot's between two times, ISO 8601 with a zone.

    Attributes:
        changes: the id of an earlier mission, ``auto`` for the one before over the same asset, or ``none``.
        client: for whom it is, if not the configuration's.
        order: the client's number of the order, if not the configuration's.
        zone: of the times on paper, such as Europe/Berlin.
    """

    site: _Text
    robot: _Text | None = None
    mission: _Text | None = None
    asset: _Text | None = None
    since: _Moment | None = None
    until: _Moment | None = None
    changes: _Text = "auto"
    title: _Title = "Inspection report"
    client: _Client | None = None
    order: _Order | None = None
    zone: _Text = "UTC"

    def __post_init__(self) -> None:
        if (self.robot is None) == (self.mission is None):
            raise ValueError("wanted a robot or a mission, one of both")
        if self.mission is not None and (self.asset or self.since or self.until):
            raise ValueError("a mission has its own asset and times; name a robot to choose others")

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"{self.site}-{self.robot or self.mission}"


class CompareQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which two missions are compared, by their ids; the rest is that of a report."""

    site: _Text
    later: _Text
    earlier: _Text | None = None  # the one before it over the same asset
    title: _Title = "Changes between two missions"
    client: _Client | None = None
    order: _Order | None = None
    zone: _Text = "UTC"

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"changes-{self.site}-{self.later}"


class PostedJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person asks for: pdf, csv and json of a report or a comparison, or a data set."""

    kind: JobKind
    report: ReportQuery | None = None
    compare: CompareQuery | None = None

    def __post_init__(self) -> None:
        given = sum(one is not None for one in (self.report, self.compare))
        if given != (self.kind is not JobKind.DATASET):
            raise ValueError("pdf, csv and json want a report or a compare, dataset wants none")

    @property
    def file_name(self) -> str:
        """The name under which the file is downloaded: ASCII, no path."""
        asked = self.report or self.compare
        if asked is None:
            return "reviewed.zip"
        name = f"{asked.name}.{self.kind.value}"
        return "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "_" for char in name)


class ReportDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """What the room's configuration says of all reports.

    Attributes:
        logo: path of the file.
        severities: from the least to the worst.
    """

    logo: str | None = None
    client: str = ""
    order: str = ""
    severities: tuple[str, ...] = ("none", "mid", "late")

    @classmethod
    def of(cls, settings: RoomSettings) -> ReportDefaults:
        """Take them from the room's configuration."""
        return cls(**msgspec.structs.asdict(settings.report), severities=settings.room.severities)


class JobOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is to do: read the history in ``state_dir``, or at ``place``, and write ``out``."""

    posted: PostedJob
    state_dir: str
    place: DatabasePlace | None = None
    out: str
    defaults: ReportDefaults = ReportDefaults()


class JobNews(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line from the process: how far it is, or why there is no file.

    ``status`` is the HTTP status that goes with ``problem``.
    """

    done: int = 0
    of: int = 0
    problem: str | None = None
    status: int = 404
