"""``edge-node bundle verify``: is a bundle whole, and does this machine's runtime compute it rightly?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.bundle import bundle_path, load_bundle
from edge_node.engine import Engine
from edge_node.interpreter import runtime
from edge_node.probe import run_probe

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node bundle``."""
    parser.add_argument("action", choices=("verify",))
    parser.add_argument("bundle", help='bundle folder, or "default" for the one in the package')
    parser.epilog = (
        "Exit code 0: every hash, shape and golden output is as promised. 1: one sentence says what is not."
    )


def run(args: argparse.Namespace) -> int:
    """Check files, signature and golden probe; print how far each output was from its tolerance."""
    engine = Engine(load_bundle(bundle_path(args.bundle)))
    results = run_probe(engine)
    manifest, found = engine.bundle.manifest, runtime()
    for result in results:
        print(f"{result.file} {result.output}: {result.share_of_tolerance:.0%} of the tolerance")
    print(
        f"{args.bundle}: good. {manifest.name} {manifest.version}, {len(manifest.models)} model(s),"
        f" {len(manifest.cascade.stages)} stage(s), golden probe of"
        f" {len(engine.bundle.golden.pictures)} pictures on {found.name} {found.version}"
    )
    return 0
