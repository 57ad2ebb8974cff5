"""Run ``edge-node init``: write a commented example configuration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.cli.broker_options import parse_address
from edge_node.config.sections import example_config
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node init``."""
    parser.add_argument(
        "file", nargs="?", default="edge_node.toml", help='where to; "-" prints it (default: %(default)s)'
    )
    parser.add_argument("--site", default="site-1", help="where the robot works (default: %(default)s)")
    parser.add_argument("--robot", default="robot-1", help="the robot's name (default: %(default)s)")
    parser.add_argument("--broker", default="127.0.0.1", help="HOST[:PORT] (default: %(default)s)")
    parser.add_argument(
        "--camera", default="/dev/video0", help="camera, stream, video or folder (default: %(default)s)"
    )
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def run(args: argparse.Namespace) -> int:
    """Write the example; an existing file is replaced only with ``--force``."""
    text = example_config(
        node={"site": args.site, "robot": args.robot},
        camera={"source": args.camera},
        bundle={"path": "default"},
        mqtt=parse_address(args.broker),
    )
    if args.file == "-":
        sys.stdout.write(text)
        return 0
    try:
        with Path(args.file).open("w" if args.force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as err:
        raise ConfigError(f"{args.file}: exists already; --force replaces it") from err
    except OSError as err:
        raise ConfigError(f"{args.file}: {err.strerror or err}") from err
    print(f"{args.file} written; edit it, then: edge-node check-config {args.file}")
    return 0
