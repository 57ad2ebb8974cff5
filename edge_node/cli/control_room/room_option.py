"""Options by which commands find the state folder and the users of a control room on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from edge_node.control_room.settings import RoomConfig, RoomSettings, build_settings, load_settings

_SERVICE_DIR = Path("/var/lib/corrosion-room")


def add_room_options(parser: argparse.ArgumentParser) -> None:
    """Declare ``--config`` and ``--state-dir``, which may also stand before the action."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="configuration of the control room",
    )
    parser.add_argument(
        "--state-dir",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help=f"its state folder (default: {_SERVICE_DIR}, or your own where that is not there)",
    )


def find_room(args: argparse.Namespace) -> RoomSettings:
    """Return the settings of the control room that the options name.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    if args.config:
        return load_settings(args.config, may_lack_users=True)
    from edge_node.cli.control_room.server import default_state_dir

    folder = args.state_dir or str(_SERVICE_DIR if _SERVICE_DIR.is_dir() else default_state_dir())
    settings = build_settings(mqtt={"hostname": "127.0.0.1"})
    room = msgspec.structs.replace(RoomConfig(), state_dir=folder)
    return msgspec.structs.replace(settings, room=room)
