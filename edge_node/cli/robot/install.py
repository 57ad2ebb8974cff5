"""Run ``edge-node install``: install the node on this robot as a systemd service, or uninstall it."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.cli.robot.systemd_service import (
    DEFAULT_PREFIX,
    InstallError,
    Layout,
    find_own_source,
    install,
    uninstall,
    with_own_extras,
)
from edge_node.config.sections import example_config

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node install``."""
    parser.add_argument(
        "--from",
        dest="source",
        metavar="WHAT",
        help="install this wheel, folder or requirement (default: this package)",
    )
    parser.add_argument(
        "--prefix", type=Path, default=DEFAULT_PREFIX, help=f"virtual environment (default: {DEFAULT_PREFIX})"
    )
    parser.add_argument("--root", type=Path, default=Path("/"), help="install into an image mounted there")
    parser.add_argument(
        "--pip-option",
        action="append",
        default=[],
        metavar="OPTION",
        help="an option for pip, such as --pip-option=--no-index (may be repeated)",
    )
    parser.add_argument("--uninstall", action="store_true", help="stop the service and remove it")
    parser.add_argument(
        "--purge", action="store_true", help="with --uninstall: delete configuration and recordings too"
    )
    parser.epilog = (
        "Needs root. Running it twice is safe. Run from a newer package, it upgrades the service.\n"
        "systemd hands the files mqtt-password, camera-password and signing-key of /etc/corrosion-edge to\n"
        "the service. `edge-node command keygen /etc/corrosion-edge/signing-key` makes the last one.\n"
        "Several cameras: write /etc/corrosion-edge/bow.toml with its own [node] robot and\n"
        'state_dir = "/var/lib/corrosion-edge/bow", then systemctl enable --now corrosion-edge@bow'
    )


def run(args: argparse.Namespace) -> int:
    """Install or uninstall, and print a line for each step."""
    if not args.root.is_dir():
        raise InstallError(f"--root {args.root}: no such folder; wanted the one where the image is mounted")
    layout = Layout(args.root, args.prefix)
    if args.uninstall:
        for line in uninstall(layout, purge=args.purge):
            print(line)
        return 0
    source = args.source or with_own_extras(find_own_source())
    for line in install(layout, _make_first_config, source=source, pip_options=args.pip_option):
        print(line, flush=True)
    print(
        f"next: edit {layout.configuration / 'node.toml'}, then edge-node check-config, then"
        " systemctl restart corrosion-edge"
    )
    return 0


def _make_first_config() -> str:
    robot = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname()).strip("-_")[:64] or "robot-1"
    return example_config(
        node={"site": "site-1", "robot": robot},
        bundle={"path": "default"},
        mqtt={"hostname": "localhost"},
    )
