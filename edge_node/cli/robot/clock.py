"""Run ``edge-node clock``: show this robot's clock and its floor of time, and correct the floor."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_node.cli.config_option import add_config_option
from edge_node.cli.robot.spool import find_state_dir
from edge_node.cli.state_owner import become_owner
from edge_node.clock import boot_id
from edge_node.clock_floor import BUILT, FLOOR_NAME, LATEST, TOLERANCE_S, ClockFloor, FloorSource, from_unix
from edge_node.commands.audit_files import FOLDER_NAME, AuditEntry, AuditFiles
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    import argparse

    from edge_node.clock_floor import ClockReading

EXIT_BELOW = 3
_SOURCES = {
    FloorSource.BUILD: f"the build's date, of version {BUILT[0]}",
    FloorSource.SYNCHRONIZED: "this clock, while it was synchronized",
    FloorSource.SIGNED_COMMAND: "a signed command",
    FloorSource.OPERATOR: "an operator",
}


class ClockReport(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints."""

    wall_clock: datetime
    quality: str
    floor: datetime
    floor_source: FloorSource
    below_floor_s: float
    text: str
    boot_id: str
    file: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node clock``."""
    where = parser.add_mutually_exclusive_group()
    add_config_option(where)
    where.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="a state folder, instead of the node's; also a control room's",
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    change = parser.add_mutually_exclusive_group()
    change.add_argument(
        "--set-floor",
        type=_time,
        metavar="TIME",
        help='set the floor to a time like 2027-03-01T08:00:00Z, or "now", the clock\'s time',
    )
    change.add_argument("--reset", action="store_true", help="set the floor back to the build's date")
    parser.epilog = (
        "The floor of time is the earliest that it can be now. While the clock is below it, the node does\n"
        "not decide whether a command or a bundle has expired. Signed commands, a synchronized clock and\n"
        "the passing of time raise the floor. If it is wrong, set the clock right, then use --set-floor\n"
        "now; a running node takes it within a second and notes it in the audit.\n"
        f"Exit code 0: the clock is not below the floor. {EXIT_BELOW}: it is."
    )


def run(args: argparse.Namespace) -> int:
    """Print clock and floor, after changing the floor if that is asked for."""
    folder = _state_dir(args)
    changes = args.reset or args.set_floor is not None
    if changes:
        become_owner(folder)
    _check_readable(folder)
    floor = ClockFloor(folder)
    if changes:
        _change(floor, folder, None if args.reset else args.set_floor)
    reading = floor.read()
    print(msgspec.json.encode(_report(floor, reading)).decode() if args.json else _describe(floor, reading))
    return EXIT_BELOW if reading.below_s else 0


def _time(text: str) -> datetime:
    """Parse a time with its zone; "now" is the wall clock's."""
    if text == "now":
        return datetime.now(timezone.utc)
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise CorrosionError(
            f'--set-floor {text!r}: wanted a time like 2027-03-01T08:00:00Z, or "now"'
        ) from None
    if found.tzinfo is None:
        raise CorrosionError(f"--set-floor {text!r}: of which zone? Add Z for UTC, or an offset like +02:00")
    return found


def _state_dir(args: argparse.Namespace) -> Path:
    if args.state_dir is not None:
        return Path(args.state_dir)
    return find_state_dir(args)


def _check_readable(folder: Path) -> None:
    """Raise CorrosionError unless the floor in ``folder`` can be read; a missing one is the build's date."""
    if not folder.is_dir():
        raise CorrosionError(
            f"{folder}: no such folder; start the node once, or see --config and --state-dir"
        )
    try:
        with (folder / FLOOR_NAME).open("rb"):
            pass
    except FileNotFoundError:
        pass
    except OSError as err:
        raise CorrosionError(
            f"{err.filename}: {err.strerror}; run this as the node's user, or as root"
        ) from err


def _change(floor: ClockFloor, folder: Path, to: datetime | None) -> None:
    before = floor.read()
    if to is not None:
        _check_plausible(to, before)
    try:
        floor.set_floor(to)
    except OSError as err:
        raise CorrosionError(
            f"{floor.path}: {err.strerror or err}; run this as the node's user, or as root"
        ) from err
    after = floor.read()
    text = f"floor of time set from {_format(before.floor_s)} to {_format(after.floor_s)} on this robot"
    AuditFiles(folder / FOLDER_NAME).write(
        AuditEntry(
            at=datetime.now(timezone.utc), event="answered", verb="clock", result="done", code="ok", text=text
        )
    )


def _check_plausible(to: datetime, before: ClockReading) -> None:
    """Refuse a floor that would call everything expired, or that is older than this software."""
    if to < BUILT[1]:
        raise CorrosionError(
            f"--set-floor: this version was built on {BUILT[1]:%Y-%m-%d}, so {to} is past; see --reset"
        )
    if to > LATEST:
        raise CorrosionError(f"--set-floor: wanted a time before {LATEST:%Y-%m-%d}, found {to}")
    ahead_s = to.timestamp() - before.wall_s
    if before.quality == "synchronized" and ahead_s > TOLERANCE_S:
        raise CorrosionError(
            f"--set-floor: this clock is synchronized and says {_format(before.wall_s)}; {to} is ahead of it,"
            " and every command would be expired"
        )


def _report(floor: ClockFloor, reading: ClockReading) -> ClockReport:
    return ClockReport(
        wall_clock=from_unix(round(reading.wall_s)),
        quality=reading.quality,
        floor=from_unix(round(reading.floor_s)),
        floor_source=reading.source,
        below_floor_s=round(reading.below_s, 3),
        text=reading.text,
        boot_id=boot_id(),
        file=str(floor.path),
    )


def _describe(floor: ClockFloor, reading: ClockReading) -> str:
    lines = [
        f"wall clock   {_format(reading.wall_s)}, {reading.text}",
        f"floor        {_format(reading.floor_s)}, from {_SOURCES[reading.source]}",
        f"boot         {boot_id()}",
        f"file         {floor.path}",
    ]
    if reading.below_s:
        lines.append(
            "This clock does not decide what has expired. Set it (`date`, a time server). If the floor is"
            " wrong: edge-node clock --set-floor now"
        )
    return "\n".join(lines)


def _format(moment_s: float) -> str:
    return from_unix(moment_s).isoformat(timespec="seconds").replace("+00:00", "Z")
