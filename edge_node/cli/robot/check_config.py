"""Run ``edge-node check-config``: check a configuration without touching hardware."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.camera.capture.login import check_login, sign_in
from edge_node.cli.robot.exposed_secrets import exposed_secrets
from edge_node.config.sections import load_config
from edge_node.credential_files import is_from_systemd, shown_path
from edge_node.errors import BundleError, CameraError, ConfigError
from edge_node.inference.bundle import DEFAULT_BUNDLE, STORE_NAME, Bundle, load_bundle, resolve_bundle_path
from edge_node.mqtt.endpoint import check_security, host_problems
from edge_node.signing import load_trusted_keys
from edge_node.update.bundle_store import BundleStore

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from edge_node.config.sections import Config

_MQTT_FILES = ("username_file", "password_file", "ca_file", "cert_file", "key_file")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node check-config``."""
    parser.add_argument("file", type=Path, help="the configuration to judge")
    parser.epilog = "Exit code 0: can be used. 78: every problem is named, one a line."


def run(args: argparse.Namespace) -> int:
    """Print a summary of the configuration, or every problem in it."""
    config = load_config(args.file)
    try:
        check_security(config.mqtt)
    except ConfigError as err:
        raise ConfigError(f"{args.file}: {err}") from err
    problems = [*host_problems(config.mqtt.hostname), *_file_problems(config)]
    if problems:
        raise ConfigError("\n".join(f"{args.file}: {problem}" for problem in problems))
    try:
        manifest = _bundle(config).manifest
    except BundleError as err:
        raise ConfigError(f"{args.file}: [bundle] path = {config.bundle.path!r}: {err}") from err
    try:
        if config.shadow.path is not None:
            load_bundle(resolve_bundle_path(config.shadow.path))
    except BundleError as err:
        raise ConfigError(f"{args.file}: [shadow] path = {config.shadow.path!r}: {err}") from err
    try:
        is_later = is_from_systemd(config.camera.password_file or "")
        source = check_login(config.camera) if is_later else sign_in(config.camera)
    except CameraError as err:
        raise ConfigError(f"{args.file}: [camera] source: {err}") from err
    for sentence in exposed_secrets(config, args.file):
        print(f"{args.file}: warning: {sentence}", file=sys.stderr)
    print(
        f"{args.file}: good. {config.node.site}/{config.node.robot} looks at {source.name}"
        f" with {manifest.name} {manifest.version} and tells {config.mqtt.hostname}."
    )
    return 0


def _file_problems(config: Config) -> Iterator[str]:
    """Yield each secret or certificate that cannot be read; systemd's credentials do not exist yet."""
    named = [("mqtt", key) for key in _MQTT_FILES]
    named += [("commands", "public_key_file"), ("http", "token_file"), ("camera", "password_file")]
    for section, key in named:
        text = getattr(getattr(config, section), key)
        if text is None:
            continue
        path = os.path.expandvars(text)
        if "$CREDENTIALS_DIRECTORY" in path:
            continue
        try:
            with Path(path).open("rb") as file:
                file.read(1)
        except OSError as err:
            yield f"[{section}] {key} {shown_path(text)}: {err.strerror or err}"


def _bundle(config: Config) -> Bundle:
    """Return the bundle that would decide; the default one if the store is missing or another user's."""
    keys = load_trusted_keys(config.bundle.trusted_keys)
    if config.bundle.path != STORE_NAME:
        return load_bundle(resolve_bundle_path(config.bundle.path))
    folder = Path(config.node.state_dir) / STORE_NAME
    if not folder.exists() or folder.stat().st_uid != os.geteuid():
        return load_bundle(DEFAULT_BUNDLE)
    store = BundleStore(folder, keys)
    return store.bundle(store.state().current)
