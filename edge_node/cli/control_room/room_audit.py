"""Run ``edge-node control-room audit``: print who decided and commanded what in a control room."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import msgspec

from edge_node.cli.control_room.room_option import add_room_options, find_room
from edge_node.cli.number_options import whole_number_between
from edge_node.control_room.deeds import Deed
from edge_node.control_room.service.opening import open_history
from edge_node.messages.plain_text import escape_unprintable

if TYPE_CHECKING:
    import argparse

    from edge_node.control_room.deeds import AuditEntry

_MAX_ENTRIES = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node control-room audit``."""
    parser.add_argument(
        "--last",
        type=whole_number_between(1, _MAX_ENTRIES),
        default=100,
        metavar="NUMBER",
        help="number of entries; the newest is last (default: %(default)s)",
    )
    parser.add_argument("--user", help="only entries of this user")
    parser.add_argument("--action", choices=[deed.value for deed in Deed], help="only entries of this kind")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    add_room_options(parser)
    parser.epilog = "Reads the history, also while the control room runs, and changes nothing in it."


def run(args: argparse.Namespace) -> int:
    """Print the audit, oldest first."""
    history = open_history(find_room(args).room, read_only=True)
    try:
        entries = history.audit_entries(
            limit=args.last, user=args.user, action=Deed(args.action) if args.action else None
        )
    finally:
        history.close()
    for entry in reversed(entries):
        print(msgspec.json.encode(asdict(entry)).decode() if args.json else _line(entry))
    if not entries:
        print("no entry matches", file=sys.stderr)
    return 0


def _line(entry: AuditEntry) -> str:
    who = f"{entry.user or '-'} ({entry.role}, {entry.origin.replace('_', ' ')})"
    where = f" from {entry.address}" if entry.address else ""
    what = " ".join(filter(None, (entry.action.value.replace("_", " "), entry.subject, entry.outcome)))
    text = f": {entry.text}" if entry.text else ""
    return escape_unprintable(f"{entry.at:%Y-%m-%d %H:%M:%SZ}  {who}{where}  {what}{text}")
