"""``edge-node bundle verify`` as the operator calls it on the robot."""

from __future__ import annotations

import shutil

import pytest

from edge_node.inference.bundle import DEFAULT_BUNDLE
from tests.support.processes import command

pytestmark = pytest.mark.runtime


def test_the_default_bundle_is_verified():
    """The golden probe holds, and the runtime that ran it is named."""
    found = command("edge_node.cli", "bundle", "verify", "default")
    assert found.returncode == 0, found.stderr
    assert "default: good." in found.stdout
    assert "golden probe of" in found.stdout


def test_a_bundle_that_was_changed_is_not(tmp_path):
    """One bit in a model gives one sentence and exit code 1."""
    bundle = shutil.copytree(DEFAULT_BUNDLE, tmp_path / "bundle")
    model = next(bundle.glob("*.tflite"))
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(content)
    found = command("edge_node.cli", "bundle", "verify", str(bundle))
    assert found.returncode == 1
    assert "sha256" in found.stderr
    assert "Traceback" not in found.stderr
