"""The bundle: each breach of what it promises is one sentence that names file and mismatch."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from edge_node.errors import BundleError
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inference.golden_probe import run_probe
from tests.support.bundles import edit, refusal

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.runtime


def replace_model(bundle: Path, content: bytes) -> None:
    """Put ``content`` in the place of the first model, with a manifest that agrees."""

    def change(manifest) -> None:
        model = manifest["models"][0]
        (bundle / model["file"]).write_bytes(content)
        model["sha256"], model["size_bytes"] = hashlib.sha256(content).hexdigest(), len(content)

    edit(bundle, change)


def first_model(bundle: Path) -> Path:
    """Return the first model's file."""
    return bundle / json.loads((bundle / "bundle.json").read_bytes())["models"][0]["file"]


def test_the_default_bundle_is_good_and_small():
    """It loads, its golden probe holds in this runtime, and it is at most 6 MB."""
    results = run_probe(Engine(load_bundle(DEFAULT_BUNDLE)))
    assert results
    assert max(result.share_of_tolerance for result in results) <= 1.0
    assert sum(path.stat().st_size for path in DEFAULT_BUNDLE.rglob("*")) <= 6_000_000


def test_one_byte_changed_is_refused(bundle):
    """A flipped bit in the middle of the model shows in its hash."""
    path = first_model(bundle)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert f"{path.name}: its sha256 is not the one in bundle.json" in refusal(bundle)


def test_a_truncated_model_is_refused(bundle):
    """The size differs before any hash is computed."""
    path = first_model(bundle)
    path.write_bytes(path.read_bytes()[:-100])
    assert "bytes, bundle.json says" in refusal(bundle)


def test_a_model_that_is_no_model_is_refused(bundle):
    """Rubbish with a manifest that agrees is refused by the runtime, in one line."""
    replace_model(bundle, b"\0\0\0\0TFL3" + bytes(2000))
    assert "does not load it" in refusal(bundle)


@pytest.mark.parametrize("name", ["bundle.json", "golden.npz"])
def test_a_missing_file_is_refused(bundle, name):
    """Each part is named."""
    (bundle / name).unlink()
    assert f"{name}: No such file or directory" in refusal(bundle)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    """The message says what was wanted and what was found."""
    with pytest.raises(BundleError, match=r"absent: wanted a bundle folder with bundle\.json, found nothing"):
        load_bundle(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(BundleError, match="found a file"):
        load_bundle(tmp_path / "file")
