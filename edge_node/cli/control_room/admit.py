"""Run ``edge-node control-room admit``: let robots in that wait beyond the bounds, or list them."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from edge_node.cli.control_room.room_option import add_room_options, find_room, note_deed
from edge_node.control_room.deeds import Deed
from edge_node.control_room.service.opening import open_history
from edge_node.errors import ConfigError
from edge_node.messages.plain_text import counted
from edge_node.messages.topics import ID_WANTED, is_id

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from edge_node.control_room.history.records import QuarantinedRobot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node control-room admit``."""
    parser.add_argument(
        "robots", nargs="*", metavar="SITE/ROBOT", help="robots to admit; without one, list those that wait"
    )
    add_room_options(parser)
    parser.epilog = "A running control room stores what they send from now on; it needs no restart."


def run(args: argparse.Namespace) -> int:
    """Admit robots, or list those that wait, were admitted or were refused."""
    if args.robots:
        return decide(args, args.robots, admit=True)
    history = open_history(find_room(args).room, read_only=True)
    try:
        found = history.quarantined()
    finally:
        history.close()
    for robot in found:
        print(_line(robot))
    if not found:
        print("no robot waits")
    return 0


def decide(args: argparse.Namespace, robots: Sequence[str], *, admit: bool) -> int:
    """Admit or refuse robots, and write that into the audit.

    Raises:
        ConfigError: one is not named SITE/ROBOT; none was decided.
    """
    names = [name.split("/") for name in robots]
    for given, parts in zip(robots, names, strict=True):
        if len(parts) != 2 or not all(is_id(part) for part in parts):
            raise ConfigError(f"{given!r}: wanted SITE/ROBOT; of each {ID_WANTED}")
    room = find_room(args).room
    word = "admit" if admit else "refuse"
    history = open_history(room)
    try:
        for site, robot in names:
            history.decide_robot(site, robot, admit=admit, by=getpass.getuser())
    finally:
        history.close()
    for given in robots:
        note_deed(room, Deed.ADMIT, given, text=word)
        print(f"{given}: {'admitted' if admit else 'refused'}")
    return 0


def _line(robot: QuarantinedRobot) -> str:
    heard = f"{counted(robot.messages, 'message')}, last {robot.last_heard_at:%Y-%m-%d %H:%M:%SZ}"
    by = f" by {robot.decided_by}" if robot.decided_by else ""
    return f"{robot.site}/{robot.robot}  {robot.state}{by}  {heard}"
