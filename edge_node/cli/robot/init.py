"""Run ``edge-node init``: write a commented example configuration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_node.camera.source import parse_source
from edge_node.cli.broker_options import parse_address
from edge_node.cli.robot.exposed_secrets import exposed_secrets
from edge_node.config.sections import example_config, parse_config
from edge_node.errors import CameraError, ConfigError
from edge_node.mqtt.endpoint import host_problems
from edge_node.state_folder import SERVICE_FOLDER, suggest_folder

if TYPE_CHECKING:
    import argparse

_OPTIONS = {
    "[node] site": "--site",
    "[node] robot": "--robot",
    "[mqtt] hostname": "--broker",
    "[mqtt] port": "--broker port",
    "[camera] source": "--camera",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node init``."""
    parser.add_argument(
        "file", nargs="?", default="node.toml", help='the file to write; "-" prints it (default: %(default)s)'
    )
    parser.add_argument("--site", default="site-1", help="where the robot works (default: %(default)s)")
    parser.add_argument("--robot", default="robot-1", help="the robot's name (default: %(default)s)")
    parser.add_argument(
        "--broker", default="127.0.0.1", help="HOST[:PORT] of the broker (default: %(default)s)"
    )
    parser.add_argument(
        "--camera", default="/dev/video0", help="camera, stream, video or folder (default: %(default)s)"
    )
    parser.add_argument(
        "--service",
        action="store_true",
        help="write it for the service of `edge-node install`, with its state in /var/lib (default for root)",
    )
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def run(args: argparse.Namespace) -> int:
    """Write the example; an existing file is replaced only with ``--force``.

    Raises:
        ConfigError: a value can never be used; nothing was written.
    """
    text = _make_text(args)
    if args.file == "-":
        sys.stdout.write(text)
        return 0
    try:
        with Path(args.file).open("w" if args.force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as err:
        if Path(args.file).is_dir():
            raise ConfigError(f"{args.file}: is a folder, wanted the name of a file") from err
        raise ConfigError(f"{args.file}: exists already; --force replaces it") from err
    except OSError as err:
        folder = Path(args.file).parent
        reason = err.strerror if folder.is_dir() else f"there is no folder {folder}"
        raise ConfigError(f"{args.file}: {reason}") from err
    for sentence in exposed_secrets(parse_config(text.encode(), args.file), Path(args.file)):
        print(f"{args.file}: {sentence}", file=sys.stderr)
    print(f"{args.file} written; edit it, then: edge-node check-config {args.file}")
    return 0


def _make_text(args: argparse.Namespace) -> str:
    """Return a configuration that ``edge-node run`` can use as this user."""
    mqtt = parse_address(args.broker)
    given: dict[str, dict[str, Any]] = {
        "node": {"site": args.site, "robot": args.robot},
        "camera": {"source": args.camera},
        "bundle": {"path": "default"},
        "mqtt": mqtt,
    }
    problems = _find_problems(given)
    if problems:
        raise ConfigError("\n".join(problems))
    beside = Path() if args.file == "-" else Path(args.file).parent
    folder = SERVICE_FOLDER if args.service else suggest_folder(args.site, args.robot, beside=beside)
    if folder != SERVICE_FOLDER:
        given["node"]["state_dir"] = str(folder)
    return example_config(**given)


def _find_problems(given: dict[str, dict[str, Any]]) -> list[str]:
    """Return what ``check-config`` would say of the options, each with its option in the key's place."""
    problems = []
    try:
        parse_config(example_config(**given).encode(), "")
    except ConfigError as err:
        problems += [line.removeprefix(": ") for line in str(err).splitlines()]
    if hostname := given["mqtt"]["hostname"]:
        problems += host_problems(hostname)
    if source := given["camera"]["source"]:
        try:
            parse_source(source)
        except CameraError as err:
            problems.append(f"--camera: {err}")
    for key, option in _OPTIONS.items():
        problems = [problem.replace(f"{key} =", option, 1) for problem in problems]
    return problems
