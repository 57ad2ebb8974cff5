"""Run ``edge-node control-room web``: serve the page in one of several processes, behind a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_node.cli.control_room.scale.scale_options import add_scale_options, read_settings
from edge_node.cli.number_options import whole_number_between

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node control-room web``."""
    parser.add_argument(
        "--port",
        type=whole_number_between(1, 65535),
        default=None,
        help="port of this process's page (default: that of the configuration)",
    )
    add_scale_options(parser)
    parser.epilog = (
        "It stores no messages: `edge-node control-room ingest` does. Logins and events are shared by all\n"
        "web processes; a file that is being made is not, so the proxy should send one login to one process\n"
        "(`edge-node control-room deployment` writes such a configuration). Wants PostgreSQL.\n"
        "Ctrl-C and SIGTERM end it. Exit code 78: the configuration cannot be used."
    )


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    settings = read_settings(args)
    if args.port is not None:
        settings = msgspec.structs.replace(
            settings, web=msgspec.structs.replace(settings.web, port=args.port)
        )
    from edge_node.control_room.service.web_process import serve_web

    serve_web(settings, lambda url: print(f"web: {url}   (Ctrl-C ends it)", flush=True))
    return 0
