"""Run ``edge-node control-room deployment``: write the configuration of brokers, proxy and services."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.control_room.deployment.deployment_files import write_deployment_files

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node control-room deployment``."""
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="folder to write to; no file in it is replaced"
    )
    parser.add_argument("--site", required=True, metavar="SITE", help="the site whose broker it is")
    parser.add_argument(
        "--central", required=True, metavar="HOST", help="host name of the broker that the room reads"
    )
    parser.epilog = (
        "Writes mosquitto's configuration and rules for a site, its bridge to the room's broker, that\n"
        "broker's configuration, nginx before the web processes, and units of systemd. README.txt says\n"
        "where each file goes."
    )


def run(args: argparse.Namespace) -> int:
    """Write the files, and name them."""
    print(*write_deployment_files(args.folder, args.site, args.central), sep="\n")
    return 0
