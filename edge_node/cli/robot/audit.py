"""Run ``edge-node audit``: print the robot's log of commands and reviews."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from edge_node.cli.config_option import add_config_option
from edge_node.cli.robot.spool import find_state_dir
from edge_node.commands.audit_files import FOLDER_NAME, AuditEntry, read_audit
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node audit``."""
    add_config_option(parser)
    parser.add_argument("--verb", help="list this command only: review, pause, ...")
    parser.add_argument("--json", action="store_true", help="print the entries as JSON, one a line")
    parser.epilog = (
        "The robot writes each command down before it executes it, and again with its result. The entries\n"
        "survive restarts and power cuts. Commands and reviews have two files of 4 MB each; the oldest go."
    )


def run(args: argparse.Namespace) -> int:
    """Print the entries in the order in which they were written."""
    folder = find_state_dir(args) / FOLDER_NAME
    try:
        entries = list(read_audit(folder))
    except FileNotFoundError as err:
        raise CorrosionError(f"{folder}: no audit there; no command has come yet, or see --config") from err
    except OSError as err:
        raise CorrosionError(f"{folder}: {err.strerror}; run this as the node's user, or as root") from err
    for entry in entries:
        if args.verb is None or entry.verb.split()[0] == args.verb:
            print(msgspec.json.encode(entry).decode() if args.json else _format_entry(entry))
    return 0


def _format_entry(entry: AuditEntry) -> str:
    details = entry.asked if entry.event == "taken" else entry.data
    words = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in details.items()]
    answer = [f"{entry.result}: {entry.code}", entry.text or ""] if entry.event != "taken" else []
    signed = ["signed"] if entry.signed else []
    parts = [entry.command_id or "-", *signed, *(part for part in answer if part), *words]
    return f"{entry.at:%Y-%m-%dT%H:%M:%S.%fZ} {entry.event:<8} {entry.verb:<8} " + " ".join(parts)
