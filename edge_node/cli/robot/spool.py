"""Run ``edge-node spool``: show the status of the spool, export its rows, requeue those in quarantine."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from edge_node.cli.config_option import add_config_option, find_config
from edge_node.config.sections import load_config
from edge_node.errors import ConfigError, SpoolError
from edge_node.messages.plain_text import counted
from edge_node.messages.topics import Kind
from edge_node.spool.admin import SpoolAdmin, SpoolReport, write_csv, write_json_lines
from edge_node.state_folder import SERVICE_FOLDER

if TYPE_CHECKING:
    import argparse

SPOOL_NAME = "spool.sqlite"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node spool``."""
    parser.add_argument("action", choices=("status", "export", "requeue"))
    where = parser.add_mutually_exclusive_group()
    add_config_option(where)
    where.add_argument("--spool", type=Path, help="the file itself instead of a node's")
    parser.add_argument("--json", action="store_true", help="status: for machines")
    parser.add_argument(
        "--kind", choices=[kind.value for kind in Kind], default="verdict", help="export: default %(default)s"
    )
    parser.add_argument(
        "--csv", action="store_true", help="export: a table instead of JSON lines; so is a file .csv"
    )
    parser.add_argument("--quarantined", action="store_true", help="export: what was refused for good")
    parser.add_argument("--out", type=Path, help="export: a new file instead of the terminal")
    parser.epilog = (
        "export leaves the rows where they are: they are delivered all the same when a link is there.\n"
        "requeue sends what is in quarantine again, after its reason was removed (a limit, a rule)."
    )


def run(args: argparse.Namespace) -> int:
    """Run the chosen action."""
    with SpoolAdmin(_spool_path(args)) as admin:
        if args.action == "status":
            report = admin.report()
            print(msgspec.json.encode(report).decode() if args.json else _format_report(report))
        elif args.action == "export":
            _export(admin, args)
        else:
            print(f"{counted(admin.requeue(), 'row is', 'rows are')} sent again")
    return 0


def _spool_path(args: argparse.Namespace) -> Path:
    if args.spool is not None:
        return Path(args.spool)
    return find_state_dir(args) / SPOOL_NAME


def find_state_dir(args: argparse.Namespace) -> Path:
    """Return the state folder of the node that ``--config`` means; without a configuration the service's.

    Raises:
        ConfigError: the configuration cannot be used, or there is neither one nor a service's state.
    """
    try:
        path = find_config(args.config)
    except ConfigError:
        if SERVICE_FOLDER.exists():  # the configuration is gone, what was recorded is still there
            return SERVICE_FOLDER
        raise
    return Path(load_config(path).node.state_dir)


def _export(admin: SpoolAdmin, args: argparse.Namespace) -> None:
    rows = admin.rows(Kind(args.kind), quarantined=args.quarantined)
    as_table = args.csv or (args.out is not None and args.out.suffix.lower() == ".csv")

    def write(out: IO[str]) -> int:
        return write_csv(list(rows), out) if as_table else write_json_lines(rows, out)

    if args.out is None:
        write(sys.stdout)
        return
    try:
        with args.out.open("x", encoding="utf-8", newline="") as out:
            count = write(out)
    except OSError as err:
        raise SpoolError(f"{args.out}: {err.strerror or err}; nothing was taken from the spool") from err
    print(f"{counted(count, 'row')} written to {args.out}", file=sys.stderr)


def _format_report(report: SpoolReport) -> str:
    oldest = "-"
    if report.oldest_at_s is not None:
        oldest = datetime.fromtimestamp(report.oldest_at_s, timezone.utc).isoformat(timespec="seconds")
    lines = [
        f"spool        {report.path} ({report.disk_bytes / 1e6:.1f} MB)",
        f"epoch        {report.epoch}",
        f"waiting      {_format_counts(report.waiting)}; oldest {oldest}",
        f"dropped      {_format_counts(report.dropped)} (bound on disk reached)",
        f"refused      {report.refused} (disk could not be written)",
        f"quarantined  {len(report.quarantined)}",
    ]
    lines += [
        f"  {row.kind} {row.seq} of epoch {row.epoch}: {row.reason}, {row.payload_bytes} bytes"
        for row in report.quarantined
    ]
    return "\n".join(lines + [f"alarm        {text}" for text in report.alarms])


def _format_counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "0"
