"""Run ``edge-node watch``: subscribe to a broker and print robots' messages as they arrive."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.cli.broker_options import add_security_options, broker_config
from edge_node.cli.number_options import whole_number_between
from edge_node.errors import CorrosionError
from edge_node.messages.finding import Finding
from edge_node.messages.identifiers import find_name_problem
from edge_node.messages.plain_text import clock_text, counted, describe_verdict, escape_unprintable
from edge_node.messages.sequence_gaps import Novelty, SequenceCounter
from edge_node.messages.status import Part, PartState, Status
from edge_node.messages.topics import ROOT, Topics
from edge_node.messages.verdict import Verdict
from edge_node.mqtt.endpoint import endpoint
from edge_node.mqtt.subscriber import Message, Subscriber
from edge_node.validation import describe_invalid

if TYPE_CHECKING:
    import argparse

# Errors of decoding untrusted bytes: no JSON, another schema, too deep, a number too large.
_NOT_DECODED = (msgspec.DecodeError, ValueError, OverflowError, RecursionError)
_A_LONG_TIME_S = 365 * 86400.0
_NOVELTIES = {
    Novelty.NEW: "",
    Novelty.REPEATED: "  (again)",
    Novelty.CONFLICT: "  (CONFLICT: another verdict has this id)",
}
_COLUMNS = (
    *("observed_at", "id", "site", "robot", "asset", "outcome", "material", "material_confidence"),
    *("condition_confidence", "form", "severity", "severity_confidence", "area_fraction", "distance_m"),
    *("frame_id", "frame_age_ms", "evidence_sha256", "replayed", "duplicate", "area_mm2"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node watch``."""
    parser.add_argument("broker", nargs="?", default="127.0.0.1", help="HOST[:PORT] (default: %(default)s)")
    parser.add_argument("--site", default="+", help="one site only (default: all)")
    parser.add_argument("--robot", default="+", help="one robot only (default: all)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the messages as they are, one a line")
    form.add_argument("--csv", action="store_true", help="print verdicts as a table")
    parser.add_argument("--count", type=whole_number_between(1, 10**9), help="end after so many verdicts")
    add_security_options(parser)
    parser.epilog = (
        "Ctrl-C ends it. It then prints for each robot what came, what came twice and what is missing."
    )


def run(args: argparse.Namespace) -> int:
    """Print verdicts, findings and status until Ctrl-C or enough verdicts."""
    where = endpoint(broker_config(args.broker, args, "watch"), Topics("watch", "watch"))
    for option, value in (("site", args.site), ("robot", args.robot)):
        if value != "+" and (problem := find_name_problem(value)) is not None:
            raise CorrosionError(f"--{option} {value}: {problem}")
    # For a machine also what proves the record: `edge-node spool verify` reads the lines.
    leaves = ("verdict", "finding", "status", *(("checkpoint",) if args.json else ()))
    topics = tuple(f"{ROOT}/{args.site}/{args.robot}/{leaf}" for leaf in leaves)
    subscriber = Subscriber(where.hostname, where.port, topics, endpoint=where)
    watcher = Watcher(as_json=args.json, as_csv=args.csv)
    try:
        for message in subscriber.messages(timeout_s=_A_LONG_TIME_S):
            watcher.show(message)
            if args.count is not None and watcher.verdicts >= args.count:
                break
    except KeyboardInterrupt:
        pass  # the usual end
    finally:
        subscriber.close()
        watcher.summarize()
    return 0


class Watcher:
    """Print messages and count verdicts."""

    def __init__(self, *, as_json: bool = False, as_csv: bool = False) -> None:
        self.verdicts = 0
        self._as_json = as_json
        self._table = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n") if as_csv else None
        self._counter = SequenceCounter()
        self._missing: dict[str, int] = {}
        if self._table:
            self._table.writeheader()

    def show(self, message: Message) -> None:
        """Print one message, and a line when its number shows that verdicts are missing."""
        verdict = _decode_verdict(message)
        novelty = Novelty.NEW
        if verdict is not None:
            self.verdicts += 1
            novelty = self._counter.note(f"{verdict.site}/{verdict.robot}", verdict, message.payload)
        if self._as_json:
            print(_as_json(message), flush=True)
        elif self._table is not None:
            if verdict is not None:
                self._table.writerow(_table_row(verdict, message, duplicate=novelty is not Novelty.NEW))
                sys.stdout.flush()
        else:
            print(describe_message(message) + _NOVELTIES[novelty], flush=True)
            self._print_gaps()

    def summarize(self) -> None:
        """Print the counts of each robot on stderr."""
        for name, robot in self._counter.robots.items():
            verdicts = counted(robot.verdicts, "verdict")
            counts = f"{verdicts}, {robot.duplicates} twice, {robot.missing} missing"
            if robot.conflicts:
                counts += f", {robot.conflicts} under the id of another"
            print(f"{name}: {counts}", file=sys.stderr)

    def _print_gaps(self) -> None:
        for name, robot in self._counter.robots.items():
            missing = robot.missing
            if missing > self._missing.get(name, 0):
                are = counted(missing, "verdict is", "verdicts are")
                them = "it" if missing == 1 else "them"
                print(f"{name}: {are} missing; a backlog may bring {them}", flush=True)
            self._missing[name] = missing


def describe_message(message: Message) -> str:
    """Format a message as a line for people."""
    leaf = message.topic.rsplit("/", 1)[-1]
    if leaf == "status":
        return _describe_status(message)
    if leaf == "finding" and (line := _describe_finding(message)):
        return line
    verdict = _decode_verdict(message)
    if verdict is None:
        return f"{leaf:<8} {escape_unprintable(message.payload.decode(errors='replace')[:160])}"
    return describe_verdict(verdict) + ("  (replayed)" if message.replayed else "")


def _describe_finding(message: Message) -> str:
    """Describe a finding in a line for people; return "" if it is none, or another robot's."""
    try:
        finding = msgspec.json.decode(message.payload, type=Finding)
    except _NOT_DECODED:
        return ""
    if message.topic != f"{ROOT}/{finding.site}/{finding.robot}/finding":
        return ""
    what = " ".join(filter(None, (finding.material, finding.form, finding.peak_severity))) or "corroded"
    parts = [what, counted(finding.frames, "frame"), f"confidence {finding.peak_confidence:.0%}"]
    places = [pose.distance_m for pose in (finding.from_pose, finding.to_pose) if pose]
    if known := [f"{place_m:.2f}" for place_m in places if place_m is not None]:
        parts.append(f"at {' to '.join(dict.fromkeys(known))} m")
    who = f"{finding.site}/{finding.robot}"
    return escape_unprintable(f"finding  {who} {finding.state.value}: {', '.join(parts)}; {finding.id}")


def _describe_status(message: Message) -> str:
    try:
        status = msgspec.json.decode(message.payload, type=Status)
    except _NOT_DECODED as err:
        return escape_unprintable(f"{message.topic}: not a status: {describe_invalid(err)}")
    reason = f" ({status.offline_reason.value})" if status.offline_reason else ""
    parts = ", ".join(
        f"{name} {escape_unprintable(clock_text(part)) if name == 'clock' else _describe_part(part)}"
        for name in ("camera", "model", "clock", "shadow", "evidence", "scale")
        if (part := getattr(status, name)) is not None
    )
    if status.link_text:
        parts += f"; {escape_unprintable(status.link_text)}"
    alarms = "".join(
        f"\n  alarm: {escape_unprintable(alarm.text)}"
        for alarm in (status.spool.alarms if status.spool else ())
    )
    who = escape_unprintable(f"{status.site}/{status.robot}")
    return f"status   {who} {status.presence.value}{reason}; {parts}{alarms}"


def _describe_part(part: Part) -> str:
    """Return a part's state, with its text where that says why it is not ok."""
    has_reason = part.state is not PartState.OK and part.text
    return part.state.value + (f" ({escape_unprintable(part.text)})" if has_reason else "")


def _decode_verdict(message: Message) -> Verdict | None:
    """Decode a verdict; None if it is none, or names another robot than its topic."""
    if not message.topic.endswith("/verdict"):
        return None
    try:
        verdict = msgspec.json.decode(message.payload, type=Verdict)
    except _NOT_DECODED:
        return None
    return verdict if message.topic == f"{ROOT}/{verdict.site}/{verdict.robot}/verdict" else None


def _table_row(verdict: Verdict, message: Message, *, duplicate: bool) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(verdict)
    distance_m = verdict.pose.distance_m if verdict.pose else None
    row = {**values, "distance_m": distance_m, "replayed": message.replayed, "duplicate": duplicate}
    return {name: row[name] for name in _COLUMNS}


def _as_json(message: Message) -> str:
    """Encode topic and payload as one JSON object; a payload that is no JSON becomes a string."""
    try:
        msgspec.json.decode(message.payload)
        payload = msgspec.Raw(msgspec.json.format(message.payload, indent=-1))  # on one line
    except _NOT_DECODED:
        payload = msgspec.Raw(msgspec.json.encode(message.payload.decode(errors="replace")))
    return msgspec.json.encode({"topic": message.topic, "payload": payload}).decode()
