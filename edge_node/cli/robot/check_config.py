"""Run ``edge-node check-config``: say of a configuration what ``edge-node run`` would, touching no hardware.

It asks the parts themselves wherever that changes nothing, so that both judge alike. What can only be known
later (does the broker answer, is the camera plugged in) is not judged.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.camera.capture.login import check_login, sign_in
from edge_node.camera.capture.opening import open_camera
from edge_node.cli.bundle_in_use import load_bundle_in_use
from edge_node.cli.config_option import find_config
from edge_node.cli.robot.exposed_secrets import exposed_secrets
from edge_node.cli.state_owner import become_owner
from edge_node.config.sections import load_config
from edge_node.credential_files import credential_path, is_from_systemd, shown_path
from edge_node.errors import CameraError, ConfigError, CorrosionError
from edge_node.inference.bundle import Bundle, load_bundle, resolve_bundle_path
from edge_node.inference.loading import prepare_engine
from edge_node.inspection.inspector import configured_inspector
from edge_node.inspection.surface_scale import may_measure_areas
from edge_node.messages.topics import Topics
from edge_node.monitoring.local_page import load_token
from edge_node.mqtt.endpoint import check_security, endpoint, host_problems
from edge_node.signing import load_node_signer, load_trusted_key, load_trusted_keys
from edge_node.state_folder import find_problem
from edge_node.validation import show
from edge_node.view.view import load_view

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from edge_node.config.delivery_sections import CommandsConfig
    from edge_node.config.sections import CameraConfig, Config, HttpConfig, NodeConfig

_MQTT_FILES = ("username_file", "password_file", "ca_file", "cert_file", "key_file")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node check-config``."""
    parser.add_argument(
        "file",
        type=Path,
        nargs="?",
        help="the configuration (default: ./node.toml if it is there, else the service's)",
    )
    parser.epilog = (
        "Exit code 0: this user can start `edge-node run` with it. 78: it cannot be used; every problem is\n"
        "named, one a line. Nothing is changed, and neither camera nor broker is asked. Use sudo for the\n"
        "service's configuration. A warning names each secret that other users can read."
    )


def run(args: argparse.Namespace) -> int:
    """Print a summary of the configuration, or every problem in it."""
    file = find_config(args.file)
    config = load_config(file)
    # Before this process may become the node's user: also the configuration's own mode is looked at.
    warnings = list(exposed_secrets(config, file))
    bundles: list[Bundle] = []
    problems = [*_find_problems(config), *_find_bundle_problems(config, bundles)]
    if problems:
        lines = "\n".join(problems).splitlines()
        raise ConfigError("\n".join(f"{file}: {line}" for line in dict.fromkeys(lines)))
    for sentence in warnings:
        print(f"{file}: warning: {sentence}", file=sys.stderr)
    manifest = bundles[0].manifest
    print(
        f"{file}: good. {config.node.site}/{config.node.robot} looks at"
        f" {check_login(config.camera).name} with {manifest.name} {manifest.version}"
        f" and tells {config.mqtt.hostname}."
    )
    if manifest.why_not_proved:
        print(f"{manifest.name} {manifest.version}: {manifest.why_not_proved}")
    for note in _find_notes(config):
        print(f"{file}: note: {note}")
    return 0


def _find_problems(config: Config) -> Iterator[str]:
    """Yield a sentence for each section but those of the bundles that ``run`` could not use."""
    if (problem := find_problem(Path(config.node.state_dir))) is not None:
        yield problem
    yield from host_problems(config.mqtt.hostname)
    yield from _find_login_problems(config)
    checks: list[Callable[[], object]] = [
        lambda: _check_camera(config.camera),
        lambda: load_view(config.camera),
        lambda: _check_command_key(config.commands),
        lambda: _check_token(config.http),
        lambda: _check_signing_key(config.node),
    ]
    for check in checks:
        try:
            check()
        except CameraError as err:
            yield f"[camera] source: {err}"
        except CorrosionError as err:
            yield str(err)


def _check_camera(config: CameraConfig) -> None:
    """Open a recording; of a camera read the password alone, if it is there already."""
    if not check_login(config).live:
        open_camera(config, stop=threading.Event()).close()
    elif not is_from_systemd(config.password_file or ""):
        sign_in(config)


def _check_command_key(config: CommandsConfig) -> None:
    if config.accept and config.public_key_file is not None:
        load_trusted_key(config.public_key_file, "[commands] public_key_file")


def _check_token(config: HttpConfig) -> None:
    if config.enabled and not is_from_systemd(config.token_file or ""):
        load_token(config)


def _check_signing_key(config: NodeConfig) -> None:
    if config.signing_key_file is not None and not is_from_systemd(config.signing_key_file):
        load_node_signer(config.signing_key_file)


def _find_login_problems(config: Config) -> Iterator[str]:
    """Yield why the broker could not be greeted; files in systemd's credentials are there only for it."""
    named = {key: getattr(config.mqtt, key) for key in _MQTT_FILES if getattr(config.mqtt, key) is not None}
    later = {key for key, text in named.items() if is_from_systemd(text)}
    try:
        if not later:
            endpoint(config.mqtt, Topics(config.node.site, config.node.robot))
            return
        check_security(config.mqtt)
    except CorrosionError as err:
        yield str(err)
        return
    for key, text in named.items():
        if key not in later and not os.access(credential_path(text), os.R_OK):
            yield f"[mqtt] {key} = {shown_path(text)!r}: is not there, or this user cannot read it"


def _find_bundle_problems(config: Config, found: list[Bundle]) -> Iterator[str]:
    """Yield why a bundle could not judge, and append to ``found`` the one that would decide."""
    try:
        keys = load_trusted_keys(config.bundle.trusted_keys)
    except ConfigError as err:
        yield str(err)
        return
    # Last of all: the store belongs to the node's user, and only that user's files are trusted.
    become_owner(Path(config.node.state_dir), must_exist=False)
    for key, path in (("[bundle] path", config.bundle.path), ("[shadow] path", config.shadow.path)):
        if path is None:
            continue
        try:
            is_shadow = path is not config.bundle.path
            bundle = load_bundle(resolve_bundle_path(path)) if is_shadow else load_bundle_in_use(config, keys)
            found.append(bundle)
            if config.bundle.delegate is None or is_shadow:  # an accelerator is hardware
                engine = prepare_engine(bundle, config.bundle)
                configured_inspector(config.inspect, engine)
        except ConfigError as err:
            yield f"[inspect] {err}" if str(err).startswith("material") else str(err)
        except CorrosionError as err:
            yield f"{key} = {show(path)}: {err}"


def _find_notes(config: Config) -> Iterator[str]:
    """Yield what may be meant so: a port of our own node, half of a scale, verdicts in memory."""
    taken = "perhaps by this robot's running node"
    if config.http.enabled and (why := _try_port(config.http.host, config.http.port, socket.SOCK_STREAM)):
        yield f"[http] port {config.http.port}: {why}, {taken}; otherwise there will be no page"
    yield from _find_scale_notes(config)
    yield from _find_view_notes(config.camera)
    pose = config.pose
    if pose.udp_port is not None and (why := _try_port(pose.udp_host, pose.udp_port, socket.SOCK_DGRAM)):
        yield f"[pose] udp_port {pose.udp_port}: {why}, {taken}; otherwise `run` will refuse it"
    if risk := config.spool.risk:
        yield risk


def _find_scale_notes(config: Config) -> Iterator[str]:
    """Yield why verdicts will have no area in mm² although half of what it takes is configured."""
    camera, pose = config.camera, config.pose
    if may_measure_areas(camera, pose):
        return
    if camera.focal_px is not None:
        yield "[camera] focal_px gives no areas in mm² without a range: set [pose] range_mm, or receive poses"
    if pose.range_mm is not None:
        yield "[pose] range_mm gives no areas in mm² without a focal length: set [camera] focal_px"


def _find_view_notes(camera: CameraConfig) -> Iterator[str]:
    """Yield why nothing will be judged if the camera delivers the size that is asked of it."""
    view, size = load_view(camera), (camera.width_px, camera.height_px)
    if view is not None and size[0] and size[1] and (why := view.misfit(size[0], size[1])):
        yield f"[camera] width_px, height_px: nothing is judged if {why}"


def _try_port(host: str, port: int, kind: int) -> str:
    """Return why a port cannot be bound now; empty if it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, kind)) as tried:
        if kind == socket.SOCK_STREAM:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as err:
            return err.strerror or str(err)
    return ""
