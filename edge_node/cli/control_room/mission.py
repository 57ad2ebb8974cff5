"""Run ``edge-node mission``: write a mission report, or export reviewed pictures for the next training."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.cli.control_room.room_option import default_state_dir, room_in
from edge_node.control_room.report.dataset_export import export_dataset
from edge_node.control_room.report.mission import Selection, collect_mission, describe_misdated
from edge_node.control_room.report.mission_csv import render_mission_csv
from edge_node.control_room.report.mission_json import render_mission_json
from edge_node.control_room.service.opening import open_history
from edge_node.control_room.settings import load_settings
from edge_node.errors import CorrosionError
from edge_node.labels_csv import LABELS_NAME
from edge_node.messages.plain_text import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.history import History
    from edge_node.control_room.report.mission import Mission

_STATE_DIR = Path("/var/lib/corrosion-room")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node mission``."""
    actions = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    dataset = actions.add_parser(
        "export-dataset", help="reviewed findings and verdicts, with their pictures, for `converter retrain`"
    )
    dataset.add_argument("out", type=Path, help="a new folder")
    dataset.add_argument("--licence", default="", help="of the pictures, as the rows shall name it")
    dataset.add_argument(
        "--every-picture",
        action="store_true",
        help="of confirmed findings also the pictures nobody looked at that the robot judged alike",
    )
    report = actions.add_parser("report", help="one robot's mission for people: PDF to sign, CSV or JSON")
    report.add_argument("out", type=Path, help="a new file that ends in .pdf, .csv or .json")
    report.add_argument("--robot", required=True, metavar="SITE/ROBOT", help="which")
    report.add_argument("--from", dest="since", type=_parse_time, metavar="TIME", help="as 2026-03-01T08:00Z")
    report.add_argument("--to", dest="until", type=_parse_time, metavar="TIME", help="default: all there is")
    report.add_argument("--asset", help="only verdicts on this one")
    report.add_argument("--title", default="Inspection report", help="default: %(default)s")
    for chosen in (dataset, report):
        chosen.add_argument(
            "--config", type=Path, metavar="FILE", help="of the control room, for its state_dir"
        )
        chosen.add_argument(
            "--state-dir",
            type=Path,
            help=f"of the control room (default: {_STATE_DIR}, or the user's own where that is not there)",
        )
    parser.epilog = "Reads the history beside a running control room; changes nothing in it."


def run(args: argparse.Namespace) -> int:
    """Write the report or export the data set."""
    room = load_settings(args.config).room if args.config else room_in(args.state_dir or _state_dir())
    if args.action == "report":
        _check_destination(args.out)
    history = open_history(room, read_only=True)
    try:
        return _export(history, args) if args.action == "export-dataset" else _report(history, args)
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


def _report(history: History, args: argparse.Namespace) -> int:
    site, _, robot = args.robot.partition("/")
    selection = Selection(site, robot, args.since, args.until, args.asset)
    mission = collect_mission(history, selection, on_progress=_progress("verdicts"))
    content = _document(mission, args)
    partial = args.out.with_name(args.out.name + ".part")
    try:
        partial.write_bytes(content)
        partial.rename(args.out)
    except OSError as err:
        partial.unlink(missing_ok=True)
        raise CorrosionError(f"{args.out}: {err.strerror or err}") from err
    print(
        f"{args.out}: {counted(mission.frames, 'frame')}, {mission.judged} judged,"
        f" {mission.missing} never delivered; {counted(len(mission.findings), 'finding')}"
    )
    print(f"record: {'; '.join(mission.record.sentences)}")
    if mission.misdated:
        print(describe_misdated(mission.misdated))
    return 0


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


def _document(mission: Mission, args: argparse.Namespace) -> bytes:
    if args.out.suffix.lower() == ".csv":
        return render_mission_csv(mission).encode()
    if args.out.suffix.lower() == ".json":
        return render_mission_json(mission)
    from edge_node.control_room.report.mission_pdf import render_mission_pdf

    return render_mission_pdf(mission, title=args.title)


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
