"""``converter runs``: print a table of the trainings that ``converter retrain`` has kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from converter.runs.run_table import HEADINGS, format_rows, list_runs
from converter.text_table import format_table

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``converter runs``."""
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=Path("runs"),
        help="folder with the runs, or the folder of one run (default: runs)",
    )
    parser.add_argument("--json", action="store_true", help="print the whole record of each run as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the runs, the oldest first; return 0.

    Raises:
        DatasetError: there is no such folder.
    """
    runs = list_runs(args.folder)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(runs), indent=2).decode())
        return 0
    if not runs:
        print(f"{args.folder}: no runs yet; `converter retrain` leaves one for each training")
        return 0
    print("\n".join(format_table(HEADINGS, format_rows(runs))))
    return 0
