"""The chart of a mission without a path."""

from __future__ import annotations

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.report.mission import collect_mission
from tests.support.missions import WHO
from tests.support.pdf_text import text_of
from tests.support.verdicts import verdict


def test_a_robot_without_a_path_has_a_chart_over_time(tmp_path):
    """No pose at all: time is the axis, and nothing is said of a path."""
    pdf_of = pytest.importorskip("edge_node.control_room.report.mission_pdf").render_mission_pdf
    opened = History(tmp_path / "room")
    opened.add_verdict(verdict(1, "U"))  # a single frame: the axis has no length
    one = text_of(pdf_of(collect_mission(opened, WHO)), tmp_path)
    for seq in range(2, 600):
        opened.add_verdict(verdict(seq, "CU?X"[seq % 4]))
    text = text_of(pdf_of(collect_mission(opened, WHO)), tmp_path)
    opened.close()
    for found in (one, text):
        assert "time, +00:00" in found
        assert "not known to the robot" in found
        assert "No finding was opened. This does not mean that there is no corrosion" in " ".join(
            found.split()
        )
