"""Run ``edge-node control-room alerts``: send a test message by each channel, or list what was told."""

from __future__ import annotations

import getpass
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.cli.control_room.room_option import add_room_options, check_extra, find_room, note_deed
from edge_node.cli.state_owner import become_owner
from edge_node.control_room.alerts.alert_desk import AlertDesk, send_test
from edge_node.control_room.alerts.apprise_sender import choose_channels, open_sender
from edge_node.control_room.alerts.courier import BoundedSend
from edge_node.control_room.alerts.observation import describe_time
from edge_node.control_room.deeds import Deed
from edge_node.control_room.service.opening import is_there, open_history
from edge_node.errors import ConfigError
from edge_node.messages.plain_text import escape_unprintable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from edge_node.control_room.settings import RoomSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of ``edge-node control-room alerts``."""
    actions = parser.add_subparsers(dest="alerts_action", metavar="WHAT", required=True)
    test = actions.add_parser("test", help="send a test message by each channel, and say if it was delivered")
    test.add_argument(
        "--channel", action="append", metavar="NAME", help="only by this one; may be given several times"
    )
    listed = actions.add_parser("list", help="list rules, channels and messages")
    for action in (test, listed):
        action.add_argument("--json", action="store_true", help="for programs")
        add_room_options(action)
    parser.epilog = (
        "Channels are in the file that [alerts] channels_file of the configuration names. Give --config.\n"
        "Exit code 1: a test message was not delivered."
    )


def run(args: argparse.Namespace) -> int:
    """Run the chosen action."""
    check_extra()
    settings = find_room(args)
    if not args.config:
        raise ConfigError("wanted --config FILE: rules and channels stand in the configuration")
    return _test(settings, args) if args.alerts_action == "test" else _list(settings, args)


def _test(settings: RoomSettings, args: argparse.Namespace) -> int:
    sender = open_sender(settings.alerts)
    if not sender.channels:
        raise ConfigError("[alerts] channels_file is not given: no channel, so nobody can be told")
    names = choose_channels(sender.channels, args.channel or ())
    if unknown := [name for name in args.channel or () if not choose_channels(sender.channels, [name])]:
        raise ConfigError(f"--channel {unknown[0]}: no such channel; there are {', '.join(sender.channels)}")
    folder, by = Path(settings.room.state_dir), getpass.getuser()
    if is_there(settings.room):
        become_owner(folder, must_exist=settings.room.database is None)
        history = open_history(settings.room)
        try:
            outcomes = AlertDesk(settings, history.database, sender, _now).test(names, by)
        finally:
            history.close()
    else:  # before the room's first start
        sends = {name: BoundedSend(sender, name) for name in names}
        outcomes = send_test(sends, names, settings.room.title, by, _now())[1]
    failed = [one for one in outcomes if not one.is_delivered]
    said = "; ".join(f"{one.channel}: {one.why or 'taken'}" for one in outcomes)
    outcome = "failed" if failed else "done"
    note_deed(settings.room, Deed.ALERT, ", ".join(names), outcome=outcome, text=f"test message; {said}")
    if args.json:
        shown = [{"channel": one.channel, "delivered": one.is_delivered, "text": one.why} for one in outcomes]
        print(msgspec.json.encode(shown).decode())
    else:
        for one in outcomes:
            print(f"{one.channel}: {'delivered' if one.is_delivered else f'not delivered: {one.why}'}")
    return 1 if failed else 0


def _list(settings: RoomSettings, args: argparse.Namespace) -> int:
    sender = open_sender(settings.alerts)
    history = open_history(settings.room, read_only=True)
    try:
        view = AlertDesk(settings, history.database, sender, _now).describe()
    finally:
        history.close()
    if args.json:
        print(msgspec.json.encode(view).decode())
        return 0
    for line in _lines(view):
        print(escape_unprintable(line))
    if not sender.channels:
        print("no channel: nobody is told", file=sys.stderr)
    return 0


def _lines(view: dict[str, Any]) -> Iterator[str]:
    for channel in view["channels"]:
        state = f"not delivering: {channel['why']}" if channel["why"] else channel["state"] or "not used yet"
        yield f"channel {channel['name']}: {state}"
    for rule in view["rules"]:
        muted = f", muted until {describe_time(rule['muted_until'])}" if rule["muted_until"] else ""
        yield f"rule {rule['name']}: {rule['text']}; by {', '.join(rule['channels']) or 'no channel'}{muted}"
    for message in reversed(view["messages"]):
        fates = ", ".join(
            " ".join(filter(None, (one["channel"], one["state"].value, one["why"])))
            for one in message["deliveries"]
        )
        yield f"{describe_time(message['at'])}  {message['title']}  [{fates or 'no channel'}]"


def _now() -> datetime:
    return datetime.now(timezone.utc)
