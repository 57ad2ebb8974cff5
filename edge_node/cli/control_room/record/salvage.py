"""Run ``edge-node control-room salvage``: keep what a damaged history still holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_node.cli.control_room.room_option import add_room_options, find_room
from edge_node.cli.progress_line import ProgressLine
from edge_node.control_room.history.recovery.salvage import salvage
from edge_node.control_room.service.opening import find_folder
from edge_node.messages.plain_text import escape_unprintable

if TYPE_CHECKING:
    import argparse

    from edge_node.control_room.history.recovery.salvage import LostNumbers, Salvage

_MAX_RANGES = 10  # of an epoch that are printed; --json has all

_INSTEAD = "promote the standby, or put back a dump with `pg_restore`"  # on PostgreSQL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node control-room salvage``."""
    parser.add_argument(
        "--to",
        type=Path,
        metavar="FOLDER",
        help="write the new history there, and leave the damaged one where it is",
    )
    parser.add_argument("--json", action="store_true", help="the answer for a program")
    add_room_options(parser)
    parser.epilog = (
        "The control room must not run. The damaged file is moved to a folder beside the new one; nothing\n"
        "is deleted. Verdicts that are lost are counted, and are gaps in the new history: a robot that\n"
        "still holds one (receipts) sends it again. Needs three times the history's size on the disk."
    )


def run(args: argparse.Namespace) -> int:
    """Salvage, and say what was kept and what is lost."""
    with ProgressLine() as progress:
        done = salvage(find_folder(find_room(args).room, _INSTEAD), args.to, progress.show)
    if args.json:
        print(msgspec.json.encode(done).decode())
    else:
        _print(done)
    return 0


def _print(done: Salvage) -> None:
    print(f"{done.history}: " + ", ".join(f"{many:,} {kind}" for kind, many in done.kept.items()))
    print(f"lost: {done.lost_verdicts:,} verdicts" + (", which are gaps now:" if done.lost else ""))
    for one in done.lost:
        print(f"  {_line(one)}")
    for kind, many in done.unreadable.items():
        if kind != "verdict":  # these are told by their numbers
            print(f"found and not readable: {many:,} {kind}")
    if done.damaged:
        print(f"the damaged history: {done.damaged}")


def _line(one: LostNumbers) -> str:
    ranges = [str(first) if first == last else f"{first}-{last}" for first, last in one.ranges]
    shown = ", ".join(ranges[:_MAX_RANGES])
    more = f" and {len(ranges) - _MAX_RANGES} ranges more" if len(ranges) > _MAX_RANGES else ""
    return escape_unprintable(f"{one.site}/{one.robot} {one.epoch}: {one.verdicts:,} ({shown}{more})")
