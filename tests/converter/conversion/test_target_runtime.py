"""The golden probe in a target's own environment: what that Python can import, and what it says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import edge_node
from converter.conversion.target_runtime import probe_in_target
from converter.quantize.request import Target
from edge_node.errors import ConversionError
from edge_node.inference.bundle import load_bundle

TARGET = Target.TFLITE_RUNTIME_2_14


@pytest.fixture
def python(tmp_path, monkeypatch) -> Path:
    """Where an environment of the target that is complete has its Python; the tests write one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "corrosion-edge-node" / TARGET.value
    (folder / "bin").mkdir(parents=True)
    (folder / "complete").touch()
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def bundle():
    """The default bundle."""
    return load_bundle(Path(edge_node.__file__).parent / "default_bundle")


def write_script(path: Path, command: str) -> None:
    """Write a shell script that can be run."""
    path.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
    path.chmod(0o755)


def test_the_probe_sees_our_packages_and_nothing_else_of_this_python(python, bundle):
    """Installed, they lie among this Python's libraries; its numpy is not the one that the target needs."""
    write_script(python, 'ls -m "$PYTHONPATH" >&2; exit 1')
    with pytest.raises(ConversionError, match=r"tflite-runtime-2\.14: converter, edge_node; no bundle was"):
        probe_in_target(bundle, TARGET)


def test_a_good_bundle_passes_and_a_missing_runtime_is_said(python, bundle):
    """The same bundle, in an environment with a runtime and in one without the one that is asked for."""
    write_script(python, f'EDGE_NODE_RUNTIME=ai-edge-litert exec {sys.executable} "$@"')
    probe_in_target(bundle, TARGET)
    write_script(python, f'EDGE_NODE_RUNTIME=absent exec {sys.executable} "$@"')
    with pytest.raises(ConversionError, match=r"absent.*; no bundle was written"):
        probe_in_target(bundle, TARGET)
