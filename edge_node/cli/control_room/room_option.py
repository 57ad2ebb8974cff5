"""Options by which commands find the state folder and the users of a control room on this machine."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.sections import RoomConfig
from edge_node.control_room.settings import RoomSettings, build_settings, load_settings
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from edge_node.control_room.deeds import Deed

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
    folder = str(args.state_dir or find_state_dir())
    settings = build_settings(mqtt={"hostname": "127.0.0.1"})
    return msgspec.structs.replace(settings, room=room_in(folder))


def add_audit_options(parser: argparse.ArgumentParser) -> None:
    """Declare ``--room-state-dir`` and ``--room-config``, for commands that need no control room."""
    room = parser.add_mutually_exclusive_group()
    room.add_argument(
        "--room-state-dir",
        type=Path,
        metavar="DIR",
        help="state folder of the control room whose audit notes it",
    )
    room.add_argument(
        "--room-config", type=Path, metavar="FILE", help="its configuration, if the history is in a database"
    )


def find_audited(args: argparse.Namespace) -> RoomConfig:
    """Return the control room whose audit notes a deed.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    if args.room_config:
        return load_settings(args.room_config, may_lack_users=True).room
    return room_in(args.room_state_dir or find_state_dir())


def room_in(folder: Path | str) -> RoomConfig:
    """Return the settings of a control room whose history is a file in ``folder``."""
    return msgspec.structs.replace(RoomConfig(), state_dir=str(folder))


def find_state_dir() -> Path:
    """Return the state folder of the service, or of the control room that the user starts by hand."""
    return _SERVICE_DIR if _SERVICE_DIR.is_dir() else default_state_dir()


def default_state_dir() -> Path:
    """Return the state folder in the user's home, so that the quick start needs no root."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "corrosion-room"


def check_extra() -> None:
    """Raise CorrosionError where the packages of the extra are not installed."""
    try:
        import argon2  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ModuleNotFoundError as err:
        raise CorrosionError(
            f"needs the Python package {err.name}; pip install 'corrosion-edge-node[control-room]'"
        ) from err


def note_deed(
    where: RoomConfig | Path, action: Deed, subject: str, *, outcome: str = "done", text: str = ""
) -> None:
    """Write into a control room's audit what was done on the command line, where there is a history.

    It is done by the account of the operating system. What cannot be written is said, and no failure.
    """
    room = room_in(where) if isinstance(where, Path) else where
    if room.database is None and not Path(room.state_dir).is_dir():
        return  # a robot, say: no room is here, nor perhaps the packages of one
    try:
        from edge_node.control_room.people.audit import Audit
        from edge_node.control_room.people.roles import Origin, Person, Role
        from edge_node.control_room.service.opening import is_there, open_history

        if not is_there(room):
            return
        history = open_history(room)
        try:
            person = Person(getpass.getuser(), Role.ADMIN, Origin.COMMAND_LINE, "")
            Audit(history).note(person, action, subject, outcome=outcome, text=text)
        finally:
            history.close()
    except (CorrosionError, OSError, ImportError, KeyError) as err:
        print(f"not in the audit of the control room in {room.state_dir}: {err}", file=sys.stderr)
