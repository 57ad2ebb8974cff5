"""What the tests of subcommands share: a small graph and a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.support import small_graphs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def graph(tmp_path) -> Path:
    """A small graph with its labels."""
    return small_graphs.write_graph(tmp_path / "graph", small_graphs.poets_mobilenet())


@pytest.fixture
def picture(tmp_path) -> Path:
    """A picture of noise."""
    path = tmp_path / "plates" / "plate.png"
    path.parent.mkdir()
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8))
    return path
