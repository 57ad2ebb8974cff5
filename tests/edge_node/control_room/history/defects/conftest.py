"""A history with one pass along a pipe."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_node.control_room.history.history import History
from tests.support.defect_worlds import PassOf, TruePlace, look, store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def walked(tmp_path: Path) -> Iterator[History]:
    """Three findings of one pass, f1, f18 and f35, that nobody has matched."""
    places = [TruePlace(1.0, 300), TruePlace(1.3, 900), TruePlace(4.2, 500)]
    with closing(History(tmp_path)) as history:
        store(history, look(places, PassOf(0, wrong_kinds=0.0), np.random.default_rng(0)))
        yield history
