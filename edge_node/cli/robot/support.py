"""Run ``edge-node support``: pack what helps to find a robot's fault into one file to mail, no passwords."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node import __version__
from edge_node.cli.config_option import CONFIG_HELP, add_config_option, find_config
from edge_node.cli.robot.cameras import find_cameras
from edge_node.config.sections import MAX_CONFIG_BYTES
from edge_node.errors import ConfigError, CorrosionError
from edge_node.messages.identifiers import find_name_problem
from edge_node.messages.plain_text import counted
from edge_node.state_folder import SERVICE_FOLDER
from edge_node.support import board, logs, pictures, state
from edge_node.support.archive import Archive, describe_error
from edge_node.support.configuration import ShownConfiguration, environment_secrets, show_configuration
from edge_node.support.local_page_client import ask_page
from edge_node.support.masking import Mask
from edge_node.text_file import TextFileError, read_bounded

if TYPE_CHECKING:
    import argparse

    from edge_node.config.sections import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node support``."""
    add_config_option(parser, f"{CONFIG_HELP}; it may be refused or missing")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE.zip",
        help="write this new file (default: a name of robot and time)",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--picture", type=Path, metavar="FILE", help="pack this picture instead of looking for one"
    )
    which.add_argument("--no-picture", action="store_true", help="pack no picture")
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="the node's log file, if it does not log to the journal"
    )
    parser.epilog = (
        "Use sudo for the service's node: only root can read its state and the journal.\n"
        "Inside: configuration, versions, hardware, states, spool, bundle, clock, last logs, a picture, and\n"
        "manifest.txt, which lists them. Passwords, tokens and keys are taken out; host names are not.\n"
        "It changes nothing, and works beside a running node and without one."
    )


@dataclass(frozen=True, slots=True)
class _Node:
    """The node that the file is about; what is not known of it is None.

    Attributes:
        path: of its configuration.
        shown: what may be told of the configuration.
        problem: why there is no configuration.
    """

    path: Path | None
    shown: ShownConfiguration | None
    problem: str

    @property
    def state_dir(self) -> Path:
        return self.shown.state_dir if self.shown is not None else SERVICE_FOLDER


def run(args: argparse.Namespace) -> int:
    """Pack the file and print where it is, what it lacks, and what to do with it."""
    node = _find_node(args.config)
    output = args.output or Path(f"{_name(node)}.zip")
    _check_output(output, node.state_dir)
    given = pictures.encode_file(args.picture) if args.picture is not None else None
    mask = Mask((*(node.shown.secrets if node.shown else ()), *environment_secrets()))
    archive = Archive(mask)
    _add_configuration(archive, node)
    _add_board(archive, node)
    _add_state(archive, node)
    _add_logs(archive, args.log)
    if not args.no_picture:
        _add_picture(archive, node, given)
    size = archive.write(output, _describe_node(node))
    _print_summary(output, size, archive)
    return 0


def _find_node(given: Path | None) -> _Node:
    try:
        path = find_config(given)
        content = read_bounded(path, MAX_CONFIG_BYTES)
    except (ConfigError, TextFileError) as err:
        return _Node(None, None, str(err) if given is None else f"{given}: {err}")
    return _Node(path, show_configuration(content, str(path)), "")


def _add_configuration(archive: Archive, node: _Node) -> None:
    shown = node.shown
    if shown is None:
        archive.note_missing("configuration/node.toml", node.problem)
        return
    archive.add_text(
        "configuration/node.toml", "rewritten: comments and secrets left out", lambda: shown.text
    )
    archive.add_text(
        "configuration/check.txt", "whether it is accepted, or every problem in it", lambda: shown.check
    )


def _add_board(archive: Archive, node: _Node) -> None:
    folders = [
        folder for folder in (node.state_dir, Path("/"), Path(tempfile.gettempdir())) if folder.exists()
    ]
    archive.add_text("versions.txt", "node, Python, system, packages", board.describe_versions)
    archive.add_text("runtime.txt", "what `edge-node version` prints", board.describe_runtime)
    archive.add_text("opencv.txt", "how OpenCV was built", board.describe_opencv)
    archive.add_text(
        "hardware.txt", "processor, memory, disks, temperature", lambda: board.describe_hardware(folders)
    )
    archive.add_text("service.txt", "systemd's view: state, restarts, last exit code", board.describe_service)
    archive.add_text("cameras.txt", "cameras that are plugged in", _list_cameras)


def _add_state(archive: Archive, node: _Node) -> None:
    folder, config = node.state_dir, node.shown.config if node.shown else None
    archive.add_text("state/files.txt", "the files of the state folder", lambda: state.list_files(folder))
    archive.add_text("state/spool.txt", "what waits for the broker", lambda: state.describe_spool(folder))
    archive.add_text("state/clock.txt", "clock and floor of time", lambda: state.describe_clock(folder))
    path = config.bundle.path if config else None
    archive.add_text(
        "state/bundle.txt", "models and their hashes", lambda: state.describe_bundle(path, folder)
    )
    archive.add_text(
        "state/node.json",
        "states and figures of the running node, its last verdicts",
        lambda: ask_page(_config(node).http, "/state.json").decode("utf-8", "replace"),
    )


def _add_logs(archive: Archive, file: Path | None) -> None:
    if file is not None:
        archive.add_text(
            "logs/node.txt", f"end of {file}", lambda: logs.read_log_file(file), max_bytes=logs.MAX_LOG_BYTES
        )
    archive.add_text(
        "logs/journal.txt", "the node's last lines", logs.read_journal, max_bytes=logs.MAX_LOG_BYTES
    )
    archive.add_text("logs/kernel.txt", "the kernel's last lines", logs.read_kernel_log)


def _add_picture(archive: Archive, node: _Node, given: bytes | None) -> None:
    """Add the given picture, or the first that can be had: of the page, of the evidence, of the camera."""
    if given is not None:
        archive.add_picture("picture.jpg", "the picture that was given", given)
        return
    reasons = []
    for find in (_ask_picture, _find_evidence, _take_picture):
        try:
            about, content = find(node)
        except (CorrosionError, OSError) as err:
            reasons.append(describe_error(err))
            continue
        archive.add_picture("picture.jpg", about, content)
        return
    archive.note_missing("picture.jpg", "; ".join(dict.fromkeys(reasons)))


def _ask_picture(node: _Node) -> tuple[str, bytes]:
    return "the newest frame of the running node", ask_page(_config(node).http, "/picture.jpg")


def _find_evidence(node: _Node) -> tuple[str, bytes]:
    name, content = pictures.newest_evidence(node.state_dir)
    return f"the newest evidence, {name}", content


def _take_picture(node: _Node) -> tuple[str, bytes]:
    config = _config(node)
    if (process := state.find_node(node.state_dir)) is not None:
        raise CorrosionError(f"process {process} has the camera")
    return "taken now with the camera", pictures.take_frame(config, node.path or Path())


def _config(node: _Node) -> Config:
    """Return the configuration; raises where there is none, or it is refused."""
    if node.shown is None or node.shown.config is None:
        raise CorrosionError("no configuration that is accepted says where page and camera are")
    return node.shown.config


def _list_cameras() -> str:
    return "".join(f"{one.source}  {one.name}\n" for one in find_cameras()) or "none is plugged in\n"


def _describe_node(node: _Node) -> list[str]:
    try:
        process = state.find_node(node.state_dir)
        holder = f"held by process {process}" if process is not None else "held by no node"
    except OSError as err:
        holder = describe_error(err)
    return [
        f"Support file of a corrosion edge node, made by edge-node {__version__} support",
        f"at {datetime.now(timezone.utc).isoformat(timespec='seconds')} by this robot's clock",
        f"Configuration: {node.path or 'none'}",
        f"State folder: {node.state_dir}, {holder}",
    ]


def _name(node: _Node) -> str:
    """Return the file's name: with site and robot where they are known."""
    config = node.shown.config if node.shown else None
    names = [config.node.site, config.node.robot] if config else []
    names = [name for name in names if find_name_problem(name) is None]
    at = datetime.now(timezone.utc)
    return "-".join(["corrosion-support", *names, f"{at:%Y%m%dT%H%M%SZ}"])


def _check_output(output: Path, state_dir: Path) -> None:
    """Refuse a place where the file cannot go, before anything is collected."""
    if output.exists():
        raise CorrosionError(f"{output}: is there already; name a new file with --output")
    folder = output.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        what = "no such folder" if not folder.is_dir() else "you cannot write there"
        raise CorrosionError(f"{folder}: {what}; name a file elsewhere with --output")
    if folder.resolve().is_relative_to(state_dir.resolve()):
        raise CorrosionError(
            f"{output}: lies in the node's state folder, which stays as it is; name a file elsewhere"
        )


def _print_summary(output: Path, size: int, archive: Archive) -> None:
    print(
        f"{output}: {size / 1e3:,.0f} kB, {counted(len(archive.names) + 1, 'file')};"
        " manifest.txt in it lists them"
    )
    for why in archive.missing:
        print(f"not inside: {why}")
    if "picture.jpg" in archive.names:
        print("A picture of what the camera saw is inside; --no-picture leaves it out.")
    print(
        "Passwords, tokens and keys were taken out; names of hosts, sites and assets were not."
        " Look through the file, then mail it to the person who helps you."
    )
