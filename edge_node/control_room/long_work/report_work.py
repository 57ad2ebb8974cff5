"""Make a mission report, or compare two missions, as a person asked and by the room's defaults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_node.control_room.comparison.changes_json import render_changes_csv, render_changes_json
from edge_node.control_room.comparison.choice import find_before, find_only, need_mission
from edge_node.control_room.comparison.comparison import ComparisonError, compare_missions
from edge_node.control_room.history.missions.mission_book import MissionBook
from edge_node.control_room.logo import read_logo
from edge_node.control_room.long_work.job_order import CompareQuery, JobKind, ReportDefaults, ReportQuery
from edge_node.control_room.report.mission import Mission, Selection, collect_mission
from edge_node.control_room.report.mission_csv import render_mission_csv
from edge_node.control_room.report.mission_json import render_mission_json
from edge_node.control_room.report.report_details import ReportDetails, parse_zone

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.comparison.comparison import Comparison
    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.missions.mission import AssetMission


class CollectedReport(NamedTuple):
    """All that a report is made of."""

    mission: Mission
    details: ReportDetails
    comparison: Comparison | None


def collect_report(
    history: History,
    asked: ReportQuery,
    defaults: ReportDefaults,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> CollectedReport:
    """Read what a report says.

    Raises:
        CorrosionError: there is no such mission, or nothing to report; the text says why.
    """
    details = _read_details(asked, defaults)
    book = MissionBook(history.database)
    stored = need_mission(book, asked.site, asked.mission) if asked.mission else None
    robot = stored.robot if stored else asked.robot or ""
    asset = stored.asset if stored else asked.asset
    selection = Selection(asked.site, robot, asked.since, asked.until, asset, stored)
    mission = collect_mission(history, selection, on_progress, defaults.severities)
    return CollectedReport(mission, details, _compare(history, book, asked, mission, defaults))


def render_report(report: CollectedReport, kind: JobKind) -> bytes:
    """Return the file of a report."""
    if kind is JobKind.CSV:
        return render_mission_csv(report.mission, report.details).encode()
    if kind is JobKind.JSON:
        return render_mission_json(*report)
    from edge_node.control_room.report.mission_pdf import render_mission_pdf

    return render_mission_pdf(*report)


def render_comparison(
    history: History, asked: CompareQuery, defaults: ReportDefaults, kind: JobKind
) -> bytes:
    """Return the file of a comparison.

    Raises:
        CorrosionError: there are no two such missions over one asset; the text says why.
    """
    details = _read_details(asked, defaults)
    comparison = collect_comparison(history, MissionBook(history.database), asked, defaults.severities)
    if kind is JobKind.CSV:
        return render_changes_csv(comparison).encode()
    if kind is JobKind.JSON:
        return render_changes_json(comparison)
    from edge_node.control_room.report.changes_pdf import render_changes_pdf

    return render_changes_pdf(history, comparison, details)


def collect_comparison(
    history: History, book: MissionBook, asked: CompareQuery, severities: tuple[str, ...]
) -> Comparison:
    """Compare the two missions that are asked for.

    Raises:
        CorrosionError: there are no two such missions over one asset; the text says why.
    """
    later = need_mission(book, asked.site, asked.later)
    if asked.earlier:
        earlier = need_mission(book, asked.site, asked.earlier)
    else:
        before = find_before(book.missions(site=later.site, asset=later.asset), later)
        if before is None:
            raise ComparisonError(f"no earlier mission over {later.asset or 'an asset without a name'}")
        earlier = before
    return compare_missions(history, earlier, later, severities)


def _read_details(asked: ReportQuery | CompareQuery, defaults: ReportDefaults) -> ReportDetails:
    return ReportDetails(
        title=asked.title,
        client=defaults.client if asked.client is None else asked.client,
        order=defaults.order if asked.order is None else asked.order,
        logo=read_logo(Path(defaults.logo)) if defaults.logo else None,
        zone=parse_zone(asked.zone),
    )


def _compare(
    history: History, book: MissionBook, asked: ReportQuery, mission: Mission, defaults: ReportDefaults
) -> Comparison | None:
    """Compare with the earlier mission that is asked for, or with the one before, if there is one."""
    later = mission.selection.mission or _find_mission(book, mission)
    if asked.changes == "none" or later is None:
        return None
    if asked.changes == "auto":
        earlier = find_before(book.missions(site=later.site, asset=later.asset), later)
    else:
        earlier = need_mission(book, asked.site, asked.changes)
    return compare_missions(history, earlier, later, defaults.severities) if earlier else None


def _find_mission(book: MissionBook, mission: Mission) -> AssetMission | None:
    """Return the mission that was found in the verdicts, where a robot's times hold one alone."""
    chosen = mission.selection
    missions = book.missions(site=chosen.site, robot=chosen.robot, asset=chosen.asset)
    return find_only(missions, mission.first_at, mission.last_at)
