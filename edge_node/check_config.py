"""``edge-node check-config``: judge a configuration without touching hardware."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.broker_security import check_security
from edge_node.bundle import DEFAULT_BUNDLE, STORE_NAME, Bundle, bundle_path, load_bundle
from edge_node.camera.source import parse_source
from edge_node.config import load_config
from edge_node.errors import BundleError, CameraError, ConfigError
from edge_node.update.signing import trusted_keys
from edge_node.update.store import Store

if TYPE_CHECKING:
    import argparse

    from edge_node.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node check-config``."""
    parser.add_argument("file", type=Path, help="the configuration to judge")
    parser.epilog = "Exit code 0: can be used. 78: every problem is named, one a line."


def run(args: argparse.Namespace) -> int:
    """Print what the configuration says, or every problem in it."""
    config = load_config(args.file)
    try:
        check_security(config.mqtt)
    except ConfigError as err:
        raise ConfigError(f"{args.file}: {err}") from err
    try:
        manifest = _bundle(config).manifest
    except BundleError as err:
        raise ConfigError(f"{args.file}: [bundle] path = {config.bundle.path!r}: {err}") from err
    try:
        if config.shadow.path is not None:
            load_bundle(bundle_path(config.shadow.path))
    except BundleError as err:
        raise ConfigError(f"{args.file}: [shadow] path = {config.shadow.path!r}: {err}") from err
    try:
        source = parse_source(config.camera.source)
    except CameraError as err:
        raise ConfigError(f"{args.file}: [camera] source: {err}") from err
    print(
        f"{args.file}: good. {config.node.site}/{config.node.robot} looks at {source.name}"
        f" with {manifest.name} {manifest.version} and tells {config.mqtt.hostname}."
    )
    return 0


def _bundle(config: Config) -> Bundle:
    """Return the bundle that would decide; a store that is not there, or not ours, is left alone."""
    keys = trusted_keys(config.bundle.trusted_keys)
    if config.bundle.path != STORE_NAME:
        return load_bundle(bundle_path(config.bundle.path))
    folder = Path(config.node.state_dir) / STORE_NAME
    if not folder.exists() or folder.stat().st_uid != os.geteuid():
        return load_bundle(DEFAULT_BUNDLE)
    store = Store(folder, keys)
    return store.bundle(store.state().current)
