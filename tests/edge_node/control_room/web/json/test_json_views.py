"""Records as the JSON of the API: the fields of a table's row, and the map in a picture."""

from __future__ import annotations

import cv2
import msgspec
import numpy as np

from edge_node.control_room.history.records import StoredPicture
from edge_node.control_room.web.json.json_views import as_json, marking_view, verdict_row
from edge_node.evidence.marked_jpeg import embed_marking
from edge_node.inspection.overlay import Marking
from edge_node.messages.verdict import Pose, Reason
from tests.support.verdicts import START, verdict


def test_a_row_has_the_distance_and_the_first_reason_or_neither() -> None:
    """Times are ISO 8601 in UTC once they are JSON."""
    reasons = (Reason(code="dark", text="too dark"), Reason(code="x", text="y"))
    row = verdict_row(verdict(7, "X", pose=Pose(distance_m=1.5), reasons=reasons), START, replayed=True)
    assert (row["distance_m"], row["reason"], row["replayed"]) == (1.5, "too dark", True)
    found = msgspec.json.decode(as_json(row))
    assert (found["outcome"], found["received_at"]) == ("not_inspectable", "2026-03-01T12:00:00Z")
    bare = verdict_row(verdict(8, "U"), START, replayed=False)
    assert (bare["distance_m"], bare["reason"], bare["area_mm2"]) == (None, None, None)
    assert verdict_row(verdict(9, "C", area_mm2=120.0), START, replayed=False)["area_mm2"] == 120.0


def test_a_map_comes_row_by_row_from_a_whole_picture_alone() -> None:
    """A thumbnail has the map drawn on it; a picture of another program has none."""
    plain = cv2.imencode(".jpg", np.full((32, 32, 3), 99, np.uint8))[1].tobytes()
    corroded = np.array([[0.0, 0.5, 1.0], [0.25, 0.75, 0.5]], np.float32)
    marked = embed_marking(plain, Marking(corroded, ("x",)))

    def view(content: bytes, *, is_thumbnail: bool = False):
        return marking_view(StoredPicture("quay", "r", "0" * 64, is_thumbnail=is_thumbnail, content=content))

    found = view(marked)
    assert (found["rows"], found["columns"]) == (2, 3)
    np.testing.assert_allclose(found["corroded"], corroded.ravel(), atol=0.01)
    assert view(marked, is_thumbnail=True) is None
    assert view(plain) is None
