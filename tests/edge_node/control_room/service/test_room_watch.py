"""What one process of a room does with what all store: drawings of the configuration, threads that end."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_node.control_room.alerts.apprise_sender import open_sender
from edge_node.control_room.history.drawings.drawing_book import DrawingBook
from edge_node.control_room.history.history import History
from edge_node.control_room.ingest.trimming import open_room_floor
from edge_node.control_room.service.room_watch import RoomWatch
from edge_node.control_room.settings import build_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("is_started", [True, False])
def test_it_ends_whether_it_was_started_or_not(tmp_path: Path, is_started: bool) -> None:
    """A room that cannot go on before it watches says why it cannot, and nothing of threads."""
    drawing = tmp_path / "pipe.png"
    cv2.imwrite(str(drawing), np.full((30, 40, 3), 200, np.uint8))
    settings = build_settings(
        {"hostname": "127.0.0.1", "port": 1},
        room={"state_dir": str(tmp_path)},
        alerts={"rules": {"late": {"when": "finding"}}},
        drawings={"files": {"quay/pipe L-7": str(drawing)}},
    )
    with closing(History(tmp_path)) as history, open_room_floor(tmp_path) as floor:
        watch = RoomWatch(
            *(settings, history, open_sender(settings.alerts), floor),
            describe_outage=lambda: "",
            on_defects=lambda _keys: None,
        )
        if is_started:
            watch.start()
        watch.note_findings()
        watch.stop()
        assert [(one.site, one.asset) for one in DrawingBook(history.database).drawings()] == [
            ("quay", "pipe L-7")
        ]
