"""Run ``edge-node control-room backup``: copy a control room's record to a folder, while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_node.cli.control_room.room_option import add_room_options, find_room
from edge_node.cli.progress_line import ProgressLine
from edge_node.control_room.history.recovery.backup import make_backup
from edge_node.control_room.service.opening import find_folder

if TYPE_CHECKING:
    import argparse

_INSTEAD = "`pg_dump --format=custom` copies it while the room runs; copy pictures_dir after it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node control-room backup``."""
    parser.add_argument("folder", type=Path, help="folder of the backup; it must not exist yet")
    parser.add_argument("--json", action="store_true", help="the answer for a program")
    add_room_options(parser)
    parser.epilog = (
        "Holds the history as it is at one moment, who may log in, and the name of the session at the\n"
        "broker. The control room may run meanwhile. The copy is checked before it gets its name. Not in\n"
        "it: the configuration, its keys and passwords, and who is logged in."
    )


def run(args: argparse.Namespace) -> int:
    """Make the backup, and say what it holds."""
    with ProgressLine() as progress:
        record = make_backup(find_folder(find_room(args).room, _INSTEAD), args.folder, progress.show)
    if args.json:
        print(msgspec.json.encode(record).decode())
        return 0
    size_mb = sum(file.bytes for file in record.files.values()) / 1e6
    rows = ", ".join(f"{many:,} {kind}" for kind, many in record.checked.items())
    print(f"{args.folder}: {rows}; {size_mb:.1f} MB")
    return 0
