"""A bundle to break."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from edge_node.inference.bundle import DEFAULT_BUNDLE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the default bundle to break."""
    return shutil.copytree(DEFAULT_BUNDLE, tmp_path / "bundle")
