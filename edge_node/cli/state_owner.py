"""Become the user who owns a node's state folder: the service cannot read files that root writes into it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def become_owner(folder: Path, *, must_exist: bool = True) -> None:
    """Change from root to the owner of ``folder`` for the rest of this process.

    Raises:
        ConfigError: the folder is not there, or cannot be looked at, and ``must_exist``.
    """
    try:
        owner = folder.stat()
    except OSError as err:
        if not must_exist:
            return
        raise ConfigError(
            f"[node] state_dir {folder}: {err.strerror or err}; start the node once, or make the folder"
        ) from err
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
