"""Change bundles, and hear why they are refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from edge_node.errors import BundleError
from edge_node.inference.bundle import load_bundle
from edge_node.inference.engine import Engine
from edge_node.inference.golden_probe import run_probe

if TYPE_CHECKING:
    from pathlib import Path


def edit(bundle: Path, change) -> None:
    """Apply ``change`` to the manifest as plain JSON."""
    path = bundle / "bundle.json"
    manifest = json.loads(path.read_bytes())
    change(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


def refusal(bundle: Path) -> str:
    """Return the sentence with which the bundle is refused, by whoever is first to notice."""
    with pytest.raises(BundleError) as caught:
        run_probe(Engine(load_bundle(bundle)))
    message = str(caught.value)
    assert "\n" not in message
    assert str(bundle) in message
    return message
