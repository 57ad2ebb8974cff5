"""``edge-node watch``: subscribe to a broker and print what arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_node.describe import coloured, path_text
from edge_node.subscriber import Message, Subscriber
from edge_node.verdict import Verdict

if TYPE_CHECKING:
    import argparse

_A_LONG_TIME_S = 365 * 86400.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node watch``."""
    parser.add_argument(
        "broker", nargs="?", default="127.0.0.1:1883", help="HOST[:PORT] (default: %(default)s)"
    )
    parser.add_argument("--site", default="+", help="one site only (default: all)")
    parser.add_argument("--robot", default="+", help="one robot only (default: all)")
    parser.add_argument(
        "--json", action="store_true", help="the messages as they are, one a line, with their topic"
    )


def run(args: argparse.Namespace) -> int:
    """Print verdicts and status until Ctrl-C."""
    hostname, _, port = args.broker.partition(":")
    topics = tuple(
        f"corrosion/v1/{args.site}/{args.robot}/{leaf}" for leaf in ("verdict", "finding", "status")
    )
    subscriber = Subscriber(hostname, int(port) if port.isdigit() else 1883, topics)
    try:
        for message in subscriber.messages(timeout_s=_A_LONG_TIME_S):
            print(_as_json(message) if args.json else describe(message), flush=True)
    finally:
        subscriber.close()
    return 0


def describe(message: Message) -> str:
    """Return a message as a line for people."""
    if not message.topic.endswith("/verdict"):
        return f"{message.topic.rsplit('/', 1)[-1]:<8} {message.payload.decode(errors='replace')[:160]}"
    try:
        verdict = msgspec.json.decode(message.payload, type=Verdict)
    except msgspec.DecodeError as err:
        return f"{message.topic}: not a verdict: {err}"
    return describe_verdict(verdict)


def describe_verdict(verdict: Verdict) -> str:
    """Return a verdict as a line for people, coloured by outcome on a terminal only."""
    outcome = coloured(f"{verdict.outcome.value:<15}", verdict.outcome)
    return f"{verdict.observed_at:%H:%M:%S.%f} #{verdict.seq:<5} {outcome} {path_text(verdict)}"


def _as_json(message: Message) -> str:
    return f'{{"topic":{msgspec.json.encode(message.topic).decode()},"payload":{message.payload.decode()}}}'
