"""Run ``edge-node spool``: status, export and requeue of the spool; verify a record that came out of it."""

from __future__ import annotations

import io
import sys
from contextlib import ExitStack
from datetime import datetime, timezone
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from edge_node.cli.config_option import add_config_option, find_config
from edge_node.config.sections import load_config
from edge_node.errors import ConfigError, SpoolError
from edge_node.messages.plain_text import counted, escape_unprintable
from edge_node.messages.topics import Kind
from edge_node.record.report import format_report
from edge_node.record.verification import verify
from edge_node.signing import load_trusted_key
from edge_node.spool.admin import SpoolAdmin, SpoolReport, write_csv, write_json_lines
from edge_node.spool.files import SPOOL_NAME
from edge_node.state_folder import SERVICE_FOLDER

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from edge_node.messages.verdict import EpochEnd


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node spool``."""
    parser.add_argument("action", choices=("status", "export", "requeue", "verify"))
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help='verify: files with the lines of a record; "-" is stdin'
    )
    where = parser.add_mutually_exclusive_group()
    add_config_option(where)
    where.add_argument("--spool", type=Path, help="a spool's file, instead of the node's")
    parser.add_argument("--json", action="store_true", help="status, verify: print JSON for programs")
    parser.add_argument(
        "--kind",
        choices=[kind.value for kind in Kind],
        default="verdict",
        help="export: messages of this kind (default: %(default)s)",
    )
    parser.add_argument(
        "--csv", action="store_true", help="export: write a table instead of JSON lines, as for a FILE.csv"
    )
    parser.add_argument(
        "--checkpoints", action="store_true", help="export: add the signed checkpoints, which verify needs"
    )
    parser.add_argument("--quarantined", action="store_true", help="export: only the messages in quarantine")
    parser.add_argument("--out", type=Path, help="export: write to this new file instead of the terminal")
    parser.add_argument(
        "--key", type=Path, action="append", default=[], help="verify: the robot's public key, PEM"
    )
    parser.add_argument(
        "--part", action="store_true", help="verify: accept that the record begins in the middle"
    )
    parser.epilog = (
        "export takes nothing out of the spool: the messages are delivered when there is a link.\n"
        "requeue sends the messages in quarantine again. Remove the reason first, such as a broker's limit.\n"
        "verify checks a record that export, mosquitto_sub or watch --json wrote: hashes, epochs, gaps that\n"
        "no checkpoint names, and signatures. Exit code 1: the record is not proved."
    )


def run(args: argparse.Namespace) -> int:
    """Run the chosen action."""
    if args.action == "verify":
        return _verify(args)
    if args.files:
        raise SpoolError(f"{args.files[0]}: only verify takes files; name a spool with --spool")
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


def _verify(args: argparse.Namespace) -> int:
    """Check a record, print what was found, and return 1 unless it is proved."""
    if not args.files:
        raise SpoolError("spool verify: name the file with the record's lines")
    keys = [load_trusted_key(str(path), "--key") for path in args.key]
    report = verify(_lines(args.files), keys, is_part=args.part)
    if args.json:
        conclusion = {"proved": report.is_proved, "conclusion": report.conclusion}
        print(msgspec.json.encode({**msgspec.structs.asdict(report), **conclusion}).decode())
    else:
        for line in format_report(report):
            print(escape_unprintable(line))
    return 0 if report.is_proved else 1


def _lines(files: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the lines of files with their places."""
    for name in files:
        try:
            with ExitStack() as stack:
                file = sys.stdin.buffer if name == "-" else stack.enter_context(Path(name).open("rb"))
                for number, line in enumerate(file, 1):
                    yield f"{name}, line {number}", line
        except OSError as err:
            raise SpoolError(f"{name}: {err.strerror or err}") from err


def _export(admin: SpoolAdmin, args: argparse.Namespace) -> None:
    rows = admin.rows(Kind(args.kind), quarantined=args.quarantined)
    if args.checkpoints:
        rows = chain(rows, admin.rows(Kind.CHECKPOINT))

    if args.csv or (args.out is not None and args.out.suffix.lower() == ".csv"):
        text = io.StringIO()
        count = write_csv(list(rows), text)
        _write(args.out, lambda out: out.write(text.getvalue().encode()))
    else:
        count = _write(args.out, lambda out: write_json_lines(rows, out))
    if args.out is not None:
        print(f"{counted(count, 'row')} written to {args.out}", file=sys.stderr)


def _write(path: Path | None, write: Callable[[IO[bytes]], int]) -> int:
    """Call ``write`` with a new file, or the terminal."""
    if path is None:
        count = write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return count
    try:
        with path.open("xb") as out:
            return write(out)
    except OSError as err:
        raise SpoolError(f"{path}: {err.strerror or err}; nothing was taken from the spool") from err


def _format_report(report: SpoolReport) -> str:
    oldest = "-"
    if report.oldest_at_s is not None:
        oldest = datetime.fromtimestamp(report.oldest_at_s, timezone.utc).isoformat(timespec="seconds")
    lines = [
        f"spool        {report.path} ({report.disk_bytes / 1e6:.1f} MB)",
        f"epoch        {report.epoch}",
        f"last verdict {_format_end(report.last_verdict)}",
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


def _format_end(end: EpochEnd | None) -> str:
    return "-" if end is None else f"number {end.seq} of epoch {end.epoch}"


def _format_counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "0"
