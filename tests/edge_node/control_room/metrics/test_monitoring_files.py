"""The files for Prometheus and Grafana."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.metrics.monitoring_files import write_monitoring_files
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_they_are_written_and_nothing_is_overwritten(tmp_path: Path) -> None:
    """The dashboard has a data source to choose, panels that do not overlap, and names no machine."""
    paths = write_monitoring_files(tmp_path / "new")
    dashboard = json.loads(paths[0].read_text(encoding="utf-8"))
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    cells = [
        (x, y)
        for panel in dashboard["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    assert not re.search(r"https?://", paths[0].read_text(encoding="utf-8"))
    with pytest.raises(ConfigError, match="is there already"):
        write_monitoring_files(tmp_path / "new")
