"""Run ``edge-node mission``: list missions, report one, compare two, export reviewed pictures."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.cli.control_room.room_option import default_state_dir, room_in
from edge_node.control_room.comparison.changes_text import describe_mission, say_counts
from edge_node.control_room.history.missions.mission_book import MissionBook
from edge_node.control_room.logo import read_logo
from edge_node.control_room.long_work.job_order import CompareQuery, JobKind, ReportDefaults, ReportQuery
from edge_node.control_room.long_work.report_work import collect_report, render_comparison, render_report
from edge_node.control_room.report.dataset_export import export_dataset
from edge_node.control_room.report.mission import describe_misdated
from edge_node.control_room.report.report_details import ReportDetails
from edge_node.control_room.service.opening import open_history
from edge_node.control_room.settings import load_settings
from edge_node.errors import CorrosionError
from edge_node.labels_csv import LABELS_NAME
from edge_node.messages.plain_text import counted, escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.history import History
    from edge_node.control_room.settings import RoomSettings

_STATE_DIR = Path("/var/lib/corrosion-room")
_WORDS = {
    "export-dataset": "write reviewed pictures with their labels, for `converter retrain`",
    "report": "write the report of a mission: PDF to sign, CSV or JSON",
    "changes": "write what changed between two missions: PDF, CSV or JSON",
    "list": "list the missions of an asset or a robot",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node mission``."""
    actions = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    offered = {
        name: actions.add_parser(name, help=words, description=words) for name, words in _WORDS.items()
    }
    dataset, report, changes, listing = offered.values()
    dataset.add_argument("out", type=Path, help="a new folder")
    dataset.add_argument("--licence", default="", help="licence of the pictures, for the column licence")
    dataset.add_argument(
        "--every-picture",
        action="store_true",
        help="also pictures of confirmed findings that nobody looked at, if the robot judged them alike",
    )
    report.add_argument("out", type=Path, help="a new file that ends in .pdf, .csv or .json")
    which = report.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--robot", metavar="SITE/ROBOT", help="all verdicts of a robot, or those between two times"
    )
    which.add_argument(
        "--mission", metavar="SITE/ID", help="one mission; `edge-node mission list` prints the ids"
    )
    report.add_argument("--from", dest="since", type=_parse_time, metavar="TIME", help="as 2026-03-01T08:00Z")
    report.add_argument(
        "--to", dest="until", type=_parse_time, metavar="TIME", help="default: the newest verdict"
    )
    report.add_argument("--asset", help="only verdicts on this asset")
    report.add_argument(
        "--changes",
        default="auto",
        metavar="ID",
        help="list changes since this mission, or none; default: the one before",
    )
    report.add_argument("--title", default="Inspection report", help="default: %(default)s")
    changes.add_argument("out", type=Path, help="a new file that ends in .pdf, .csv or .json")
    changes.add_argument("--mission", required=True, metavar="SITE/ID", help="the later mission")
    changes.add_argument("--since", metavar="ID", help="the earlier mission; default: the one before")
    changes.add_argument("--title", default="Changes between two missions", help="default: %(default)s")
    for chosen in (report, changes):
        chosen.add_argument("--client", help="name of the client; default: [report] client")
        chosen.add_argument("--order", help="number of the order; default: [report] order")
        chosen.add_argument("--logo", help="PNG or JPEG file; default: [report] logo")
        chosen.add_argument("--zone", default="UTC", help="time zone of the PDF, such as Europe/Berlin")
    listing.add_argument("--asset", help="only missions on this asset")
    listing.add_argument("--robot", metavar="SITE/ROBOT", help="only missions of this robot")
    for chosen in (dataset, report, changes, listing):
        chosen.add_argument("--config", type=Path, metavar="FILE", help="configuration of the control room")
        chosen.add_argument(
            "--state-dir",
            type=Path,
            help=f"its state folder (default: {_STATE_DIR}, or your own where that is not there)",
        )
    parser.epilog = "Reads the history, also while the control room runs, and changes nothing in it."


def run(args: argparse.Namespace) -> int:
    """Write the report or export the data set."""
    settings = load_settings(args.config) if args.config else None
    room = settings.room if settings else room_in(args.state_dir or _state_dir())
    if args.action in ("report", "changes"):
        _check_destination(args.out)
        if args.logo:
            read_logo(Path(args.logo))
    history = open_history(room, read_only=True)
    try:
        if args.action == "export-dataset":
            return _export(history, args)
        if args.action == "list":
            return _list(history, args)
        defaults = _read_defaults(settings, args)
        if args.action == "changes":
            return _changes(history, args, defaults)
        return _report(history, args, defaults)
    finally:
        history.close()


def _state_dir() -> Path:
    """Return the state folder of the service, or of the control room that the user started by hand."""
    folder = default_state_dir()
    return folder if folder.is_dir() and not _STATE_DIR.is_dir() else _STATE_DIR


def _export(history: History, args: argparse.Namespace) -> int:
    report = export_dataset(
        history,
        args.out,
        licence=args.licence,
        every_picture=args.every_picture,
        on_progress=_progress("reviews"),
    )
    print(
        f"{args.out / LABELS_NAME}: {counted(report.pictures, 'picture')}"
        f" ({report.confirmed} confirmed, {report.disputed} disputed)"
    )
    for why, count in report.left_out.most_common():
        print(f"left out {count}: {why}", file=sys.stderr)
    return 0


def _read_defaults(settings: RoomSettings | None, args: argparse.Namespace) -> ReportDefaults:
    defaults = ReportDefaults.of(settings) if settings else ReportDefaults()
    return msgspec.structs.replace(defaults, logo=args.logo) if args.logo else defaults


def _report(history: History, args: argparse.Namespace, defaults: ReportDefaults) -> int:
    site, _, name = (args.robot or args.mission).partition("/")
    asked = ReportQuery(
        site=site,
        robot=name if args.robot else None,
        mission=name if args.mission else None,
        asset=args.asset,
        since=args.since,
        until=args.until,
        **_read_common(args),
        changes=args.changes,
    )
    report = collect_report(history, asked, defaults, _progress("verdicts"))
    _write(args.out, render_report(report, _kind(args.out)))
    mission = report.mission
    print(
        f"{args.out}: {counted(mission.frames, 'frame')}, {mission.judged} judged,"
        f" {mission.missing} missing; {counted(len(mission.findings), 'finding')}"
    )
    print(f"record: {'; '.join(mission.record.sentences)}")
    if report.comparison is not None:
        print(f"changes since {report.comparison.earlier.id}: {say_counts(report.comparison)}")
    if mission.misdated:
        print(describe_misdated(mission.misdated))
    return 0


def _changes(history: History, args: argparse.Namespace, defaults: ReportDefaults) -> int:
    site, _, name = args.mission.partition("/")
    asked = CompareQuery(site=site, later=name, earlier=args.since, **_read_common(args))
    _write(args.out, render_comparison(history, asked, defaults, _kind(args.out)))
    print(f"{args.out}: written")
    return 0


def _list(history: History, args: argparse.Namespace) -> int:
    site, _, robot = (args.robot or "").partition("/")
    missions = MissionBook(history.database).missions(
        site=site or None, robot=robot or None, asset=args.asset
    )
    moment = ReportDetails().moment
    for one in missions:
        print(escape_unprintable(f"{one.site}/{one.id}  {one.asset or '-'}  {describe_mission(one, moment)}"))
    if not missions:
        print("no missions: no verdict has come that matches", file=sys.stderr)
    return 0


def _read_common(args: argparse.Namespace) -> dict[str, Any]:
    return {"title": args.title, "client": args.client, "order": args.order, "zone": args.zone}


def _kind(out: Path) -> JobKind:
    return JobKind(out.suffix.lower().removeprefix("."))


def _write(out: Path, content: bytes) -> None:
    partial = out.with_name(out.name + ".part")
    try:
        partial.write_bytes(content)
        partial.rename(out)
    except OSError as err:
        partial.unlink(missing_ok=True)
        raise CorrosionError(f"{out}: {err.strerror or err}") from err


def _check_destination(out: Path) -> None:
    """Refuse a report that could not be written, before the work.

    Raises:
        CorrosionError: it has another ending, is there, or its folder is not.
    """
    if out.suffix.lower() not in (".pdf", ".csv", ".json"):
        raise CorrosionError(f"{out}: wanted a name that ends in .pdf, .csv or .json")
    if out.exists():
        raise CorrosionError(f"{out}: is there already; name a new file")
    if not out.absolute().parent.is_dir():
        raise CorrosionError(f"{out}: there is no folder {out.parent}")


def _parse_time(text: str) -> datetime:
    """Parse ISO 8601; a time without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: wanted a time like 2026-03-01T08:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _progress(what: str) -> Callable[[int, int], None]:
    """Return a callback that prints the progress on a terminal."""

    def print_progress(done: int, whole: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {whole} {what}", end="" if done < whole else "\n", file=sys.stderr)

    return print_progress
