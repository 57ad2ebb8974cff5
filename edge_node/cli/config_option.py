"""Declare ``--config`` and find the configuration that it means, alike for all subcommands of the robot."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Final

from edge_node.errors import ConfigError

SERVICE_CONFIG: Final = Path("/etc/corrosion-edge/node.toml")
LOCAL_CONFIG: Final = Path("node.toml")
CONFIG_HELP: Final = (
    f"the node's configuration (default: ./{LOCAL_CONFIG} if it is there, else {SERVICE_CONFIG})"
)


def add_config_option(parser: Any, text: str = CONFIG_HELP) -> None:
    """Declare ``--config``; ``parser`` may be a group of options."""
    parser.add_argument("--config", type=Path, metavar="FILE", help=text)


def find_config(given: Path | None) -> Path:
    """Return the configuration to read: the given one, ``./node.toml``, or that of the service.

    A local one that hides the service's is named on stderr, because the command may change its node.

    Raises:
        ConfigError: none is given and neither is there, or root found another user's.
    """
    if given is not None:
        return given
    if LOCAL_CONFIG.exists():
        _check_owner(LOCAL_CONFIG)
        if _is_there(SERVICE_CONFIG):
            print(f"edge-node: using ./{LOCAL_CONFIG}, not {SERVICE_CONFIG}", file=sys.stderr)
        return LOCAL_CONFIG
    if _is_there(SERVICE_CONFIG):
        return SERVICE_CONFIG
    raise ConfigError(
        f"neither ./{LOCAL_CONFIG} nor {SERVICE_CONFIG} is there; name the node's configuration with"
        " --config FILE (`edge-node init` writes one)"
    )


def _check_owner(path: Path) -> None:
    """Refuse a configuration that another user left where root works: it names files, keys and programs."""
    owner = path.stat().st_uid
    if os.geteuid() == 0 and owner not in (0, int(os.environ.get("SUDO_UID") or 0)):
        raise ConfigError(f"./{path} belongs to user {owner}; if it is meant, say so: --config {path}")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder that this user may not look into: reading it says so
        return True
