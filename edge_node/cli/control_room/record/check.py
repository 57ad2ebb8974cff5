"""Run ``edge-node control-room check``: read every page and message of a history, and say what is damaged."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

from edge_node.cli.control_room.room_option import add_room_options, find_room
from edge_node.cli.progress_line import ProgressLine
from edge_node.control_room.history.recovery.history_check import check_history
from edge_node.control_room.service.opening import find_folder
from edge_node.messages.plain_text import escape_unprintable

if TYPE_CHECKING:
    import argparse

_INSTEAD = "`pg_amcheck` reads all of it, `pg_checksums` the files of a stopped server"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node control-room check``."""
    parser.add_argument("--json", action="store_true", help="the answer for a program")
    add_room_options(parser)
    parser.epilog = (
        "Reads only; the control room may run meanwhile. Exit code 0: all of it can be read, 1: not all.\n"
        "`edge-node control-room --check` checks a configuration instead."
    )


def run(args: argparse.Namespace) -> int:
    """Check, and print each problem."""
    with ProgressLine() as progress:
        done = check_history(find_folder(find_room(args).room, _INSTEAD), progress.show)
    if args.json:
        print(msgspec.json.encode(done).decode())
        return 1 if done.problems else 0
    for problem in done.problems:
        print(escape_unprintable(problem), file=sys.stderr)
    rows = ", ".join(f"{many:,} {kind}" for kind, many in done.checked.items())
    if not done.problems:
        print(f"{done.path}: good; {rows}")
        return 0
    if done.checked:
        print(f"{done.path}: {rows} were read", file=sys.stderr)
    if not done.is_missing:
        print(
            "if it is not permissions or a full disk, stop the control room:"
            " `edge-node control-room salvage` keeps what can still be read, `restore` puts a backup back",
            file=sys.stderr,
        )
    return 1
