"""Run ``edge-node command``: send a command to a robot from a terminal or a script."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.cli.broker_options import add_security_options, broker_config
from edge_node.cli.number_options import DAY_S, number_between
from edge_node.control_room.robots.commander import LIFETIME_S, TIMEOUT_S, Commander, describe_fields
from edge_node.errors import CorrosionError
from edge_node.messages.command import COMMANDS, COMMON_KEYS, Verb
from edge_node.messages.field_texts import read_summary
from edge_node.messages.identifiers import find_name_problem
from edge_node.messages.topics import Topics
from edge_node.mqtt.endpoint import endpoint
from edge_node.signing import load_signer, make_key_pair

if TYPE_CHECKING:
    from edge_node.messages.command import Command

_KEYGEN = "keygen"
_REVIEWER = "by"  # default: the login name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node command``."""
    parser.epilog = (
        "  edge-node command keygen room.pem\n"
        "  edge-node command --broker broker.example --robot quay/crawler-1 ping\n"
        "  edge-node command --robot quay/crawler-1 --key room.pem pause --duration-s 60\n"
        "  edge-node command --robot quay/crawler-1 review FINDING_ID disputed --outcome uncorroded\n"
        "Exit code 0 if the robot did it or began to, 1 if not, with the reason in a sentence."
    )
    _add_where(parser)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="what to ask")
    where = argparse.ArgumentParser(add_help=False)
    # Options are allowed after the verb too; absent there, they must not reset those before it.
    _add_where(where, default=argparse.SUPPRESS)
    for verb, kind in COMMANDS.items():
        words = " ".join(read_summary(kind).replace("``", "`").split()).rstrip(".")
        chosen = verbs.add_parser(verb.value, help=words, description=words, parents=[where])
        _add_fields(chosen, kind)
    keygen = verbs.add_parser(_KEYGEN, help="make a pair of keys that sign commands")
    keygen.add_argument(
        "file", type=Path, help="file of the private key, mode 0600; the public key is written beside it"
    )


def run(args: argparse.Namespace) -> int:
    """Send the command and print its result."""
    if args.verb == _KEYGEN:
        public = make_key_pair(args.file)
        print(f"{args.file}: private key; name it with --key, and keep it secret")
        print(f"{public}: public key; name it in [commands] public_key_file of each robot")
        print("on a robot, [node] signing_key_file may name a private key; it signs the robot's record")
        return 0
    where = endpoint(broker_config(args.broker, args, "command"), Topics("room", "room"))
    sign = load_signer(args.key) if args.key else None
    commander = Commander(where, sign, timeout_s=args.timeout, lifetime_s=args.lifetime)
    verb = Verb(args.verb)
    fields = [field for field in COMMANDS[verb].__struct_fields__ if field not in COMMON_KEYS]
    reply = commander.send(
        parse_robot(args.robot),
        verb,
        {field: getattr(args, field) for field in fields},
    )
    if args.json:
        print(msgspec.json.encode(reply).decode())
    else:
        print(reply.sentence, file=sys.stdout if reply.succeeded else sys.stderr)
    return 0 if reply.succeeded else 1


def parse_robot(text: str | None) -> Topics:
    """Parse ``SITE/ROBOT`` to the topics of that robot.

    Raises:
        CorrosionError: it is missing or malformed.
    """
    site, slash, robot = (text or "").partition("/")
    if not (site and slash and robot):
        raise CorrosionError(f"--robot {text or 'is missing'}: wanted SITE/ROBOT, as in quay/crawler-1")
    for what, name in (("site", site), ("robot", robot)):
        if (problem := find_name_problem(name)) is not None:
            raise CorrosionError(f"--robot {text}: {what} {name!r}: {problem}")
    return Topics(site, robot)


def _add_where(parser: argparse.ArgumentParser, **settings: Any) -> None:
    def default(value: Any) -> dict[str, Any]:
        return {"default": value, **settings}

    parser.add_argument(
        "--broker", metavar="HOST[:PORT]", **default("127.0.0.1"), help="default: this machine"
    )
    parser.add_argument("--robot", metavar="SITE/ROBOT", **default(None), help="the robot")
    parser.add_argument(
        "--key", type=Path, **default(None), help="sign with this private key (extra signing)"
    )
    parser.add_argument(
        "--timeout",
        type=number_between(0.1, DAY_S),
        metavar="S",
        **default(TIMEOUT_S),
        help="wait this long for the response",
    )
    parser.add_argument(
        "--lifetime",
        type=number_between(1, DAY_S),
        metavar="S",
        **default(LIFETIME_S),
        help="the robot refuses the command when it is older",
    )
    parser.add_argument("--json", action="store_true", **settings, help="print the response as JSON")
    add_security_options(parser, **settings)


def _add_fields(parser: argparse.ArgumentParser, kind: type[Command]) -> None:
    """Declare the fields of one command: required ones as positional arguments, the rest as options."""
    words = describe_fields(kind)
    for field in msgspec.structs.fields(kind):
        if field.name in COMMON_KEYS:
            continue
        settings: dict[str, Any] = {"help": words[field.name], "metavar": field.name.upper()}
        if _is_integer(kind, field.name):
            settings["type"] = int
        if field.name == _REVIEWER:
            parser.add_argument("--by", default=_login_name(), **settings)
        elif field.required:
            parser.add_argument(field.name, **settings)
        else:
            parser.add_argument(f"--{field.name.replace('_', '-')}", **settings)


def _is_integer(kind: type[Command], field: str) -> bool:
    """Whether the schema of a command wants a whole number in ``field``."""
    about = msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"][field]
    return any(choice.get("type") == "integer" for choice in (about, *about.get("anyOf", ())))


def _login_name() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a process without a user, as in some containers
        return None
