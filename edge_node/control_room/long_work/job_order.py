"""Define what may be asked for as long work, and what its process tells of it."""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from enum import Enum
from typing import Annotated

import msgspec

from edge_node.control_room.database_address import DatabasePlace

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
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
    """Which mission a report is of; times are ISO 8601 with a zone."""

    site: _Text
    robot: _Text
    asset: _Text | None = None
    since: _Moment | None = None
    until: _Moment | None = None
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "Inspection report"


class PostedJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person asks for; ``report`` belongs to a report and to nothing else."""

    kind: JobKind
    report: ReportQuery | None = None

    def __post_init__(self) -> None:
        if (self.kind is JobKind.DATASET) != (self.report is None):
            raise ValueError("pdf, csv and json want a report, dataset wants none")

    @property
    def file_name(self) -> str:
        """The name under which the file is downloaded: ASCII, no path."""
        if self.report is None:
            return "reviewed.zip"
        name = f"{self.report.site}-{self.report.robot}.{self.kind.value}"
        return "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "_" for char in name)


class JobOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is to do: read the history in ``state_dir``, or at ``place``, and write ``out``."""

    posted: PostedJob
    state_dir: str
    place: DatabasePlace | None = None
    out: str


class JobNews(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line from the process: how far it is, or why there is no file.

    ``status`` is the HTTP status that goes with ``problem``.
    """

    done: int = 0
    of: int = 0
    problem: str | None = None
    status: int = 404
