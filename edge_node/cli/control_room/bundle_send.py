"""Run ``edge-node bundle send``: transfer a signed bundle to a robot over the broker and report its trial."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.cli.broker_options import add_security_options, broker_config
from edge_node.cli.control_room.command import parse_robot
from edge_node.cli.control_room.room_option import add_audit_options, find_audited, note_deed
from edge_node.cli.number_options import DAY_S, number_between
from edge_node.control_room.deeds import Deed
from edge_node.control_room.robots.bundle_sender import BundleSender
from edge_node.errors import UpdateError
from edge_node.messages.response import Result
from edge_node.messages.topics import Topics
from edge_node.mqtt.endpoint import endpoint
from edge_node.signing import load_signer
from edge_node.update.state import Step

if TYPE_CHECKING:
    import argparse

_SHOW_S = 0.5
_PLAIN_STEP = 10  # percent: fewer lines in a log than on a terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=Path, metavar="FILE", help="signed with `converter bundle sign`")
    parser.add_argument("--broker", metavar="HOST[:PORT]", default="127.0.0.1", help="default: this machine")
    parser.add_argument("--robot", metavar="SITE/ROBOT", required=True, help="the robot that gets it")
    parser.add_argument("--key", type=Path, help="sign the command with this private key (extra signing)")
    parser.add_argument(
        "--until",
        choices=("installed", "confirmed"),
        default="confirmed",
        help="end when it is on trial, or when the trial is over (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=number_between(1, DAY_S),
        default=600.0,
        metavar="S",
        help="give up after so many seconds without a message (%(default)g)",
    )
    add_audit_options(parser)
    add_security_options(parser)
    parser.epilog = (
        "The robot fetches the file piece by piece; its verdicts go first. After Ctrl-C, a cut link or a\n"
        "restart send it again: the robot goes on where it was. Exit code 0: it came as far as --until\n"
        "says; 1: refused, or rolled back."
    )


def run(args: argparse.Namespace) -> int:
    """Transfer the bundle and print the progress."""
    room = find_audited(args)
    where = endpoint(broker_config(args.broker, args, "bundle"), Topics("room", "room"))
    sign = load_signer(args.key) if args.key else None
    until = frozenset(
        {Step.CONFIRMED.value} | ({Step.INSTALLED.value} if args.until == "installed" else set())
    )
    try:
        source = args.file.open("rb")
    except OSError as err:
        raise UpdateError(f"{args.file}: {err.strerror or err}") from err
    with source:
        sender = BundleSender(source, str(args.file), where, parse_robot(args.robot), sign)
        began_s = time.monotonic()
        done = threading.Event()
        progress = threading.Thread(target=_print_progress, args=(sender, done), name="progress", daemon=True)
        progress.start()
        note_deed(room, Deed.BUNDLE, args.robot, outcome="asked", text=sender.release.label)
        try:
            response = sender.send(timeout_s=args.timeout, until=until, on_progress=_print_step)
        finally:
            done.set()
            progress.join()
        text = f"{sender.release.label} {response.code}"
        note_deed(room, Deed.BUNDLE, args.robot, outcome=response.result.value, text=text)
    took_s = time.monotonic() - began_s
    resent = max(0, sender.sent_bytes - sender.size_bytes)
    ended = f"{args.robot}: {sender.release.label} {response.code}"
    if response.result in (Result.REFUSED, Result.FAILED):
        raise UpdateError(f"{ended}: {response.text}")
    print(f"{ended}; {sender.sent_bytes} bytes sent, {resent} of them twice, {took_s:.1f} s in all")
    return 0


def _print_step(text: str) -> None:
    print(f"\r\x1b[K{text}" if sys.stderr.isatty() else text, file=sys.stderr, flush=True)


def _print_progress(sender: BundleSender, done: threading.Event) -> None:
    """Print the share that the robot requested: in place on a terminal, else a line per 10 percent."""
    printed = 0
    while not done.wait(_SHOW_S):
        percent = 100 * sender.reached_bytes // sender.size_bytes
        if sys.stderr.isatty():
            if percent != printed:
                print(
                    f"\r\x1b[K{percent} % of {sender.size_bytes} bytes", end="", file=sys.stderr, flush=True
                )
                printed = percent
        elif percent >= printed + _PLAIN_STEP:
            printed = percent
            print(f"{percent} % of {sender.size_bytes} bytes", file=sys.stderr, flush=True)
