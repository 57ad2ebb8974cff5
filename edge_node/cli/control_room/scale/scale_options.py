"""Options of the commands that run one process of a room of several."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.cli.control_room.room_option import check_extra
from edge_node.control_room.settings import load_settings
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from edge_node.control_room.settings import RoomSettings


def add_scale_options(parser: argparse.ArgumentParser) -> None:
    """Declare ``--config``, which may also stand before the action, and ``--log-level``."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="configuration of the control room, the same for all its processes",
    )
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")


def read_settings(args: argparse.Namespace) -> RoomSettings:
    """Begin to log, and return the settings of the room.

    Raises:
        ConfigError: no configuration is given, or it cannot be used.
        CorrosionError: packages of the extra are not installed.
    """
    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    logging.getLogger("edge_node").setLevel(args.log_level.upper())
    check_extra()
    config: Path | None = getattr(args, "config", None)
    if config is None:
        raise ConfigError("wanted --config FILE with [room] database; `edge-node control-room --example`")
    return load_settings(config)
