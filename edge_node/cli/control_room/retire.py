"""Run ``edge-node retire``: clear what a robot that is gone left on the broker, and so its place in the room.

Its record stays: the control room keeps every verdict, finding and picture, and lists the robot no longer.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

from edge_node.cli.broker_options import add_security_options, broker_config
from edge_node.cli.control_room.room_option import add_audit_options, find_audited, note_deed
from edge_node.control_room.deeds import Deed
from edge_node.control_room.robots.retained_messages import RetainedMessages
from edge_node.errors import ConfigError, CorrosionError
from edge_node.integrations.home_assistant_discovery import is_about
from edge_node.messages.plain_text import escape_unprintable
from edge_node.messages.status import Presence, Status
from edge_node.messages.topics import ID_WANTED, Topics
from edge_node.mqtt.endpoint import endpoint
from edge_node.mqtt.reason_codes import name

if TYPE_CHECKING:
    import argparse


class Retirement(msgspec.Struct, kw_only=True):
    """What was found and done; printed as JSON with ``--json``.

    Attributes:
        known: something of the robot was retained.
        online: the robot's retained status says that it is connected.
        cleared: topics whose retained message is gone; those that would go in a dry run.
        refused: topics that the broker does not let us clear, with its reason.
    """

    robot: str
    known: bool = True
    online: bool = False
    dry_run: bool = False
    cleared: list[str] = []
    refused: dict[str, str] = {}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node retire``."""
    parser.add_argument("robot", metavar="SITE/ROBOT", help="the robot that is gone")
    parser.add_argument("--broker", metavar="HOST[:PORT]", default="127.0.0.1", help="default: this machine")
    parser.add_argument("--force", action="store_true", help="even if it is online")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be removed, and remove nothing"
    )
    parser.add_argument("--json", action="store_true", help="the answer for a program")
    parser.add_argument(
        "--home-assistant-prefix",
        metavar="PREFIX",
        default="homeassistant",
        help="as in [mqtt] home_assistant_prefix (default: %(default)s)",
    )
    add_audit_options(parser)
    add_security_options(parser)
    parser.epilog = (
        "Clears every retained message below corrosion/v1/SITE/ROBOT and the robot's announcement to Home\n"
        "Assistant. A control room then lists it no longer; its record stays. Exit code 0 if nothing of it\n"
        "is left, 1 if it is online or the broker refuses."
    )


def run(args: argparse.Namespace) -> int:
    """Look, clear, look again, and say what was done."""
    topics = _parse_robot(args.robot)
    room = find_audited(args)
    where = endpoint(broker_config(args.broker, args, "retire"), Topics("room", "room"))
    with RetainedMessages(where) as retained:
        done = _retire(retained, topics, args)
    if not args.dry_run:
        outcome = "refused" if done.refused or (done.online and not args.force) else "done"
        note_deed(room, Deed.RETIRE, done.robot, outcome=outcome)
    if args.json:
        print(msgspec.json.encode(done).decode())
    else:
        _print(done, is_forced=args.force)
    return 1 if done.refused or (done.online and not args.force and not args.dry_run) else 0


def _retire(retained: RetainedMessages, topics: Topics, args: argparse.Namespace) -> Retirement:
    filters = _filters(topics, args.home_assistant_prefix)
    found = _of_robot(retained.read(filters), topics)
    done = Retirement(robot=f"{topics.site}/{topics.robot}", known=bool(found), dry_run=args.dry_run)
    done.online = _is_online(found.get(topics.status, b""))
    # The status last, and in any case: a control room that has only its own record of the robot hears it.
    wanted = [*sorted(set(found) - {topics.status}), topics.status]
    if done.online and not args.force:
        return done
    if args.dry_run:
        done.cleared = wanted
        return done
    for topic in wanted:
        code = retained.clear(topic)
        if code >= 0x80:
            done.refused[topic] = name(code)
    # Some brokers say yes and do nothing.
    for topic in _of_robot(retained.read(filters), topics):
        done.refused.setdefault(topic, "still there: the broker did not do it, or the robot is back")
    done.cleared = [topic for topic in wanted if topic not in done.refused]
    return done


def _filters(topics: Topics, prefix: str) -> list[str]:
    """Return where a robot retains messages, of any version of it."""
    robot = topics.robot
    return [
        f"{topics.base}/#",
        *(f"{prefix}/+/{middle}/config" for middle in (robot, f"{robot}/+", f"+/{robot}")),
    ]


def _of_robot(found: dict[str, bytes], topics: Topics) -> dict[str, bytes]:
    """Return what is this robot's: another site's may have announced one of the same name."""
    return {
        topic: payload
        for topic, payload in found.items()
        if topic.startswith(f"{topics.base}/") or is_about(payload, topics)
    }


def _is_online(payload: bytes) -> bool:
    try:
        return msgspec.json.decode(payload, type=Status).presence is Presence.ONLINE
    except (msgspec.DecodeError, ValueError):
        return False


def _print(done: Retirement, *, is_forced: bool) -> None:
    if done.online and not is_forced:
        text = f"{done.robot} is online; stop it first, or wait until the broker says that its link is lost"
        print(f"{text} (--force clears all the same; a robot that runs publishes it again)", file=sys.stderr)
    if not done.known:
        print(f"nothing of {done.robot} is retained at this broker; is the name right?", file=sys.stderr)
    verb = "would clear" if done.dry_run else "cleared"
    for topic in done.cleared:
        print(f"{verb} {escape_unprintable(topic)}")
    for topic, reason in done.refused.items():
        print(f"not cleared {escape_unprintable(topic)}: {reason}", file=sys.stderr)


def _parse_robot(text: str) -> Topics:
    site, _, robot = text.partition("/")
    try:
        return Topics(site, robot)
    except ConfigError:
        raise CorrosionError(f"{text}: wanted SITE/ROBOT, as in quay/crawler-1; each {ID_WANTED}") from None
