"""``edge-node mission``: what a control room's history becomes on paper, and for the next training."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.control_room.dataset import LABELS_NAME, export_dataset
from edge_node.control_room.history import History

if TYPE_CHECKING:
    import argparse

_STATE_DIR = "/var/lib/corrosion-room"


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
    for chosen in (dataset,):
        chosen.add_argument(
            "--state-dir",
            type=Path,
            default=Path(_STATE_DIR),
            help="of the control room (default: %(default)s)",
        )
    parser.epilog = "Reads the history beside a running control room; changes nothing in it."


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    history = History(args.state_dir, read_only=True)
    try:
        return _export(history, args)
    finally:
        history.close()


def _export(history: History, args: argparse.Namespace) -> int:
    def progress(done: int, reviews: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {reviews} reviews", end="" if done < reviews else "\n", file=sys.stderr)

    report = export_dataset(
        history, args.out, licence=args.licence, every_picture=args.every_picture, on_progress=progress
    )
    print(
        f"{args.out / LABELS_NAME}: {report.pictures} pictures"
        f" ({report.confirmed} confirmed, {report.disputed} disputed)"
    )
    for why, count in report.left_out.most_common():
        print(f"left out {count}: {why}", file=sys.stderr)
    return 0
