"""Run ``edge-node control-room ingest``: store one member's share of what robots send."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edge_node.cli.control_room.scale.scale_options import add_scale_options, read_settings
from edge_node.cli.number_options import whole_number_between
from edge_node.control_room.ingest.subscription import MAX_MEMBER, check_group
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    import argparse

_log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node control-room ingest``."""
    parser.add_argument("--share", metavar="GROUP", help="the group whose members share the robots' messages")
    parser.add_argument(
        "--member",
        type=whole_number_between(1, MAX_MEMBER),
        default=1,
        metavar="N",
        help="number of this member; each process of the group has another (default: 1)",
    )
    parser.add_argument(
        "--drain",
        action="store_true",
        help="leave for good: store what waits at the broker for this member, end its session, and exit",
    )
    parser.add_argument(
        "--probe-port",
        type=whole_number_between(1, 65535),
        metavar="PORT",
        help="answer /livez, /readyz and /metrics on this port of 127.0.0.1",
    )
    add_scale_options(parser)
    parser.epilog = (
        "Each member has a session of its own at the broker, in which its share waits while it is away:\n"
        "start it again with the same number, or drain it. Wants PostgreSQL ([room] database). With --drain\n"
        "and without --share it empties the session that `edge-node control-room` had before.\n"
        "Ctrl-C and SIGTERM end it. Exit code 78: the configuration cannot be used."
    )


def run(args: argparse.Namespace) -> int:
    """Store messages until SIGINT or SIGTERM, or drain the member's session; 1 if something is left in it."""
    if args.share is None and not args.drain:
        raise ConfigError("wanted --share GROUP: the name of the group, the same for all its members")
    group = None if args.share is None else check_group(args.share)
    settings = read_settings(args)
    from edge_node.control_room.service.ingest_process import Member, drain, serve_ingest

    member = None if group is None else Member(group, args.member)
    if args.drain:
        is_empty = drain(settings, member)
        print("nothing is left: the session is ended" if is_empty else "not empty yet: try again")
        return 0 if is_empty else 1
    assert member is not None  # noqa: S101  # refused above
    serve_ingest(
        settings,
        member,
        probe_port=args.probe_port,
        ready=lambda name: print(f"ingest: {name}   (Ctrl-C ends it)", flush=True),
    )
    return 0
