"""Run ``edge-node control-room``: store what robots publish and serve the page."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_node.cli.broker_options import add_security_options, broker_config
from edge_node.cli.control_room.room_option import check_extra, default_state_dir
from edge_node.cli.framework import Subcommand, add_actions
from edge_node.cli.number_options import number_between, whole_number_between
from edge_node.control_room.settings import build_settings, example_settings, exposed_secrets, load_settings
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from edge_node.control_room.settings import RoomSettings

_log = logging.getLogger(__name__)

# Commands for a control room; without one it runs, all in one process.
ACTIONS = {
    "ingest": Subcommand(
        "edge_node.cli.control_room.scale.ingest", "run one of several processes that store messages"
    ),
    "web": Subcommand(
        "edge_node.cli.control_room.scale.web", "run one of several processes that serve the page"
    ),
    "deployment": Subcommand(
        "edge_node.cli.control_room.scale.deployment",
        "write the configuration of brokers, proxy and services for several processes",
    ),
    "user": Subcommand("edge_node.cli.control_room.user", "add, list and change users and programs"),
    "audit": Subcommand("edge_node.cli.control_room.room_audit", "show who decided and commanded what"),
    "alerts": Subcommand("edge_node.cli.control_room.alerts", "send a test message; list rules and messages"),
    "admit": Subcommand("edge_node.cli.control_room.admit", "admit robots that wait, or list them"),
    "refuse": Subcommand("edge_node.cli.control_room.refuse", "refuse robots: nothing of them is stored"),
    "backup": Subcommand(
        "edge_node.cli.control_room.record.backup", "copy the record to a folder while the room runs"
    ),
    "check": Subcommand(
        "edge_node.cli.control_room.record.check", "read the whole history and report damage"
    ),
    "restore": Subcommand("edge_node.cli.control_room.record.restore", "bring a backup back"),
    "salvage": Subcommand(
        "edge_node.cli.control_room.record.salvage", "save what can be read of a damaged history"
    ),
}
_BROKER_KEYS = ("hostname", "port", "tls", "username", "ca_file", "cert_file", "key_file", "password_file")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node control-room``."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--demo", action="store_true", help="show a broker, two robots and the page; no set-up")
    what.add_argument(
        "--broker", metavar="HOST[:PORT]", help="run with this broker, and defaults for the rest"
    )
    what.add_argument(
        "--config", type=Path, metavar="FILE", help="run with this configuration; see --example"
    )
    what.add_argument("--example", action="store_true", help="print a commented configuration")
    what.add_argument(
        "--monitoring",
        type=Path,
        metavar="DIR",
        help="write Grafana's dashboard and Prometheus's files into DIR",
    )
    parser.add_argument("--check", action="store_true", help="check the configuration and exit")
    parser.add_argument("--state-dir", metavar="DIR", help="folder for the history")
    parser.add_argument("--host", help="address of the page (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=whole_number_between(1, 65535), help="port of the page (default: 8430)"
    )
    parser.add_argument(
        "--token-file", metavar="FILE", help="file with one token for everybody; not with users"
    )
    parser.add_argument("--demo-speed", type=number_between(0.1, 50), default=1.0, help=argparse.SUPPRESS)
    add_security_options(parser)
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    add_actions(parser, ACTIONS)
    parser.epilog = (
        "The broker keeps a session for the control room: messages sent while it is offline arrive later.\n"
        "Ctrl-C and SIGTERM end it. Exit code 78: the configuration cannot be used."
    )


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, or print what the options ask for."""
    if args.example:
        sys.stdout.write(example_settings())
        return 0
    if args.monitoring:
        from edge_node.control_room.metrics.monitoring_files import write_monitoring_files

        print(*write_monitoring_files(args.monitoring), sep="\n")
        return 0
    # Libraries tell of every font and every migration at "info"; what goes wrong in them is a warning.
    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    logging.getLogger("edge_node").setLevel(args.log_level.upper())
    if not (args.demo or args.broker or args.config):
        raise ConfigError("wanted --demo, --broker HOST or --config FILE; --help says more")
    check_extra()
    if args.demo:
        from edge_node.control_room.service.demo import run_demo

        return run_demo(args.host, args.port, args.token_file, speed=args.demo_speed)
    settings = _settings(args)
    if args.check:
        from edge_node.control_room.service.check import find_notes, find_problems
        from edge_node.control_room.service.opening import name_place

        problems = list(dict.fromkeys(find_problems(settings)))
        for sentence in exposed_secrets(settings):
            if sentence not in problems:
                _log.warning("%s", sentence)
        if problems:
            where = f"{args.config}: " if args.config else ""
            raise ConfigError("\n".join(f"{where}{problem}" for problem in problems))
        print(
            f"good. The page listens on {settings.web.host}:{settings.web.port}, the broker is"
            f" {settings.broker}, the history is in {name_place(settings.room)}."
        )
        for note in find_notes(settings):
            print(f"note: {note}")
        return 0
    from edge_node.control_room.service.server import serve

    serve(settings, lambda url: print(f"control room: {url}   (Ctrl-C ends it)", flush=True))
    return 0


def _settings(args: argparse.Namespace) -> RoomSettings:
    if args.config:
        if given := [name for name in ("state_dir", "host", "port", "token_file") if getattr(args, name)]:
            raise ConfigError(f"--{given[0].replace('_', '-')} and --config: write it into the file")
        return load_settings(args.config)
    return build_settings(
        mqtt=_mqtt(args),
        room={"state_dir": args.state_dir or str(default_state_dir())},
        web={name: value for name in ("host", "port", "token_file") if (value := getattr(args, name))},
    )


def _mqtt(args: argparse.Namespace) -> dict[str, Any]:
    """Return the broker options for ``[mqtt]``, without the client id: the control room makes its own."""
    config = broker_config(args.broker, args, "control-room")
    return {name: getattr(config, name) for name in _BROKER_KEYS}
