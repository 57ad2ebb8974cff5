"""A workstation with keys, a good bundle, and a robot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.releases import Maker, Robot

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def maker(tmp_path_factory) -> Maker:
    """Keys and files for the whole module."""
    return Maker(tmp_path_factory.mktemp("workstation"))


@pytest.fixture(scope="session")
def good(maker: Maker) -> Path:
    """Version 2, as it should be."""
    return maker.bundle("2")


@pytest.fixture
def robot(tmp_path: Path, maker: Maker) -> Robot:
    """A robot that has the package's bundle, version 1, and nothing else."""
    return Robot(tmp_path / "robot", maker)
