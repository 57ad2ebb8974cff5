"""Run ``edge-node version``: print the versions of the node, its runtime and the default bundle."""

from __future__ import annotations

import json
import platform
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from edge_node import __version__
from edge_node.errors import CorrosionError
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.interpreter import Interpreter, runtime

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node version``."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def run(args: argparse.Namespace) -> int:
    """Print the versions; a part that does not work gives its error instead."""
    lines = {
        "edge_node": __version__,
        "converter": _converter(),
        "runtime": _runtime(),
        "xnnpack": _xnnpack(),
        "default bundle": _default_bundle(),
        "backbone": _backbone(),
        "numpy": np.__version__,
        "opencv": metadata.version("opencv-python-headless"),
        "python": f"{platform.python_version()} {platform.machine()}",
    }
    if args.json:
        print(json.dumps({key.replace(" ", "_"): value for key, value in lines.items()}))
    else:
        width = max(map(len, lines))
        print("\n".join(f"{key:<{width}}  {value}" for key, value in lines.items()))
    return 0


def _converter() -> str:
    """Return the converter's version and TensorFlow's, which may be missing: one distribution holds both."""
    try:
        return f"{__version__} (tensorflow {metadata.version('tensorflow')})"
    except metadata.PackageNotFoundError:
        return f"{__version__} (tensorflow not installed: pip install 'corrosion-edge-node[convert]')"


def _runtime() -> str:
    try:
        found = runtime()
    except CorrosionError as err:
        return str(err)
    return f"{found.name} {found.version}"


def _xnnpack() -> str:
    """Load the default bundle's first model and return whether XNNPACK runs its operators."""
    try:
        bundle = load_bundle(DEFAULT_BUNDLE)
        file = bundle.manifest.models[0].file
        return "active" if Interpreter(bundle.models[file], where=file).delegated else "not active"
    except CorrosionError as err:
        return str(err)


def _backbone() -> str:
    """Return where the weights came from that the default bundle's training began with, and their licence."""
    try:
        return load_bundle(DEFAULT_BUNDLE).manifest.backbone or "the bundle does not say"
    except CorrosionError as err:
        return str(err)


def _default_bundle() -> str:
    try:
        manifest = load_bundle(DEFAULT_BUNDLE).manifest
    except CorrosionError as err:
        return str(err)
    return f"{manifest.name} {manifest.version}"
