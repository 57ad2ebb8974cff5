"""Graphs and pictures that are quantized."""

from __future__ import annotations

import numpy as np
import pytest

from converter.graphs.fuse import fuse
from converter.graphs.scaling import GraphFlags
from converter.graphs.trained_graph import load_graph
from tests.support import small_graphs


@pytest.fixture(scope="session")
def fused(tmp_path_factory):
    """A fused graph of one stage."""
    folder = tmp_path_factory.mktemp("graph")
    graph = load_graph(small_graphs.write_graph(folder, small_graphs.poets_mobilenet()))
    return fuse({"steel": graph})[0]


@pytest.fixture(scope="session")
def uneven(tmp_path_factory):
    """One stage whose features are of very different sizes, and its head's weights with them."""
    folder = tmp_path_factory.mktemp("uneven")
    flags = GraphFlags(input_mean=127.5, input_std=127.5)
    graph = load_graph(small_graphs.write_graph(folder, small_graphs.uneven_branches()), flags)
    return fuse({"steel": graph})[0]


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    """Eight pictures of noise at the graph's size."""
    size = small_graphs.SIZE_PX
    return np.random.default_rng(0).integers(0, 256, (8, size, size, 3), dtype=np.uint8)
