"""Memory, temperature and free disk as the system says them."""

from __future__ import annotations

import numpy as np
import pytest

from edge_node.monitoring.machine import memory_mb, temperature_c


def test_memory_is_what_the_process_holds():
    """Allocating 100 MB shows, within ten."""
    before = memory_mb()
    block = np.ones(100_000_000, np.uint8)
    assert memory_mb() - before == pytest.approx(block.nbytes / 1e6, abs=10)


def test_the_hottest_zone_counts(tmp_path):
    """Of several sensors the highest is reported; broken ones and none at all are no failure."""
    assert temperature_c(tmp_path) is None
    for index, text in enumerate(["45120\n", "61800\n", "off"]):
        (tmp_path / f"thermal_zone{index}").mkdir()
        (tmp_path / f"thermal_zone{index}" / "temp").write_text(text)
    assert temperature_c(tmp_path) == 61.8
