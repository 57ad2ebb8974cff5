"""Run ``edge-node control-room refuse``: store nothing more of robots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.cli.control_room.admit import decide
from edge_node.cli.control_room.room_option import add_room_options

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node control-room refuse``."""
    parser.add_argument("robots", nargs="+", metavar="SITE/ROBOT", help="whose messages are not stored")
    add_room_options(parser)
    parser.epilog = "What is stored of them stays until it is too old. `admit` admits them again."


def run(args: argparse.Namespace) -> int:
    """Refuse robots."""
    return decide(args, args.robots, admit=False)
