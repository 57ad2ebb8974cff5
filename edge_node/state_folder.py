"""Make the folder of the node's state, or say beforehand why this user cannot use it.

``edge-node run`` and ``check-config`` ask the same function, so that they say the same.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Final

from edge_node.errors import ConfigError, SpoolError

SERVICE_FOLDER: Final = Path("/var/lib/corrosion-edge")  # systemd makes it: StateDirectory= of the unit
_NAME = "corrosion-edge"


def make_state_folder(path: Path) -> Path:
    """Make ``path`` with mode 0700 if it is missing, and return it.

    Raises:
        ConfigError: this user cannot use it; nothing was made.
        SpoolError: the disk does not take it now.
    """
    if (problem := find_problem(path)) is not None:
        raise ConfigError(problem)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as err:
        raise SpoolError(_describe("[node] state_dir", path, str(err.strerror or err))) from err
    return path


def find_problem(path: Path, key: str = "[node] state_dir") -> str | None:
    """Return in a sentence why this user cannot use ``path`` as a state folder, or None; changes nothing.

    Args:
        path: the folder; it may be missing.
        key: that names it in the configuration, for the sentence.
    """
    try:
        found = path.resolve()
        while not found.exists():
            found = found.parent
        is_whole = found == path.resolve()
        if not found.is_dir():
            return _describe(key, path, f"{'' if is_whole else f'{found} '}is a file, wanted a folder")
        if {Path("/proc"), Path("/sys")} & {found, *found.parents}:
            return _describe(key, path, "is no place for files")
        if not os.access(found, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
            what = "write there" if is_whole else f"make a folder in {found}"
            is_read_only = os.statvfs(found).f_flag & os.ST_RDONLY
            why = "its disk is mounted read-only" if is_read_only else f"user {_user_name()} cannot {what}"
            return _describe(key, path, why)
        if is_whole and (foreign := _find_foreign(found)) is not None:
            return _describe(key, path, f"{foreign.name} in it is another user's: the node ran as that user")
    except (OSError, RuntimeError, ValueError) as err:  # RuntimeError: links in a circle
        return _describe(key, path, str(getattr(err, "strerror", None) or err))
    return None


def suggest_folder(site: str, robot: str, *, beside: Path) -> Path:
    """Return a state folder that this user can use; root's is the service's.

    Args:
        site: of the robot, so that two robots of one user have two folders.
        robot: the same.
        beside: a folder in which to put it where the user has no home that can be written.
    """
    if os.geteuid() == 0:
        return SERVICE_FOLDER
    home = _home_folder(site, robot)
    if home is not None and find_problem(home) is None:
        return home
    return beside.absolute() / f"{robot}-state"


def _home_folder(site: str, robot: str) -> Path | None:
    base = os.environ.get("XDG_STATE_HOME", "")
    try:
        state = Path(base) if base.startswith("/") else Path.home() / ".local" / "state"
    except RuntimeError:  # a user without a home
        return None
    return state / _NAME / site / robot  # joined by a hyphen, a-b at c would be b-c at a


def _find_foreign(folder: Path) -> Path | None:
    """Return a file of the spool that another user owns; root checks in the name of the node's user."""
    if os.geteuid() == 0:
        return None
    files = sorted(folder.glob("spool.sqlite*"))
    return next((file for file in files if file.lstat().st_uid != os.geteuid()), None)


def _describe(key: str, path: Path, problem: str) -> str:
    hint = f"choose another {key} that the user who runs this can write"
    if path == SERVICE_FOLDER and os.geteuid() != 0:
        hint = f"it is the service's: use sudo, or {hint}"
    return f"{key} = {str(path)!r}: {problem}; {hint}"


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # systemd's dynamic users, containers
        return str(os.geteuid())
