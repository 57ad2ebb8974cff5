"""What is installed: a file that the code reads and the wheel leaves out is found by nobody but users."""

from __future__ import annotations

import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("package", ["edge_node", "converter"])
def test_every_file_that_is_no_module_is_package_data(package):
    """Each tracked file beside the modules is matched by a pattern of ``pyproject.toml``."""
    listed = subprocess.run(
        ["git", "ls-files", package], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    if not listed:
        pytest.skip("this is no git checkout")
    project = msgspec.toml.decode((ROOT / "pyproject.toml").read_bytes())
    patterns = project["tool"]["setuptools"]["package-data"][package]
    names = [name.removeprefix(f"{package}/") for name in listed if not name.endswith(".py")]
    assert names
    assert [name for name in names if not any(fnmatch(name, pattern) for pattern in patterns)] == []


@pytest.mark.parametrize("module", ["edge_node.cli", "converter.cli"])
def test_every_program_tells_the_version_of_the_distribution(module):
    """It is that of ``pyproject.toml``, which stands in the package once more."""
    project = msgspec.toml.decode((ROOT / "pyproject.toml").read_bytes())["project"]
    told = subprocess.run(
        [sys.executable, "-m", module, "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    assert told == f"{project['name']} {project['version']}\n"


def test_no_module_of_the_robot_loads_the_workstation():
    """Importing every module of ``edge_node`` loads neither TensorFlow nor the converter."""
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "edge_node").rglob("*.py")
    )
    code = (
        f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        "print([name for name in ('tensorflow', 'converter') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert found.stdout.strip() == "[]"
