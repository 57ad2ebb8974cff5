"""Run ``edge-node control-room restore``: put a backup in the place of a control room's record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_node.cli.control_room.room_option import add_room_options, find_room
from edge_node.control_room.history.recovery.backup import restore_backup
from edge_node.control_room.service.opening import find_folder

if TYPE_CHECKING:
    import argparse

_INSTEAD = "stop all processes; `pg_restore --clean` puts a dump back; copy pictures_dir back"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node control-room restore``."""
    parser.add_argument("folder", type=Path, help="a folder that `control-room backup` made")
    parser.add_argument("--json", action="store_true", help="the answer for a program")
    add_room_options(parser)
    parser.epilog = (
        "The control room must not run. What was there is moved to a folder beside it; nothing is deleted.\n"
        "Verdicts that came after the backup are in that folder alone: those that robots still hold\n"
        "(receipts) come again, the others are gaps from then on. Who may log in stays as it is: users come\n"
        "from the backup only where there are none, so that nobody who was removed comes back."
    )


def run(args: argparse.Namespace) -> int:
    """Put it back, and say what it holds and where the record of before is."""
    state_dir = find_folder(find_room(args).room, _INSTEAD)
    record, before = restore_backup(args.folder, state_dir)
    if args.json:
        done = {"backup": record, "state_dir": str(state_dir), "before": before and str(before)}
        print(msgspec.json.encode(done).decode())
        return 0
    rows = ", ".join(f"{many:,} {kind}" for kind, many in record.checked.items())
    print(f"{state_dir}: {rows}, as of {record.made_at:%Y-%m-%d %H:%M:%SZ}")
    if before is not None:
        print(f"what was there before: {before}")
    return 0
