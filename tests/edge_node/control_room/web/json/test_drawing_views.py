"""What lies where on a drawing, and what lies beside it with the reason."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.defects.records import DefectFilter
from edge_node.control_room.history.drawings.drawing_book import DrawingBook
from edge_node.control_room.history.drawings.placement import PathPlacement, PathPoint, ScalePlacement
from edge_node.control_room.history.history import History
from edge_node.control_room.web.json.drawing_views import view_marks
from edge_node.messages.verdict import Pose
from tests.support.drawings import png
from tests.support.missions import finding

if TYPE_CHECKING:
    from pathlib import Path

PATH = PathPlacement(
    points=(PathPoint(x_px=0, y_px=50, distance_m=0), PathPoint(x_px=200, y_px=50, distance_m=20))
)
SCALE = ScalePlacement(metres_per_px=0.1, origin_x_px=0, origin_y_px=100)


def test_each_finding_is_placed_or_listed_with_its_reason(tmp_path: Path) -> None:
    """One along the path, one beyond its end, one in space, one without a place; none of another asset."""
    with closing(History(tmp_path)) as history:
        history.add_finding(finding(40))
        history.add_finding(finding(900))
        history.add_finding(finding(3, from_pose=Pose(x_m=2.0, y_m=3.0), to_pose=Pose(x_m=2.0, y_m=3.0)))
        history.add_finding(finding(5, from_pose=None, to_pose=None))
        history.add_finding(finding(7, asset="pipe 8"))
        book = DrawingBook(history.database)
        drawing = book.put("quay", "pipe 7", png(), "anna")
        seen = view_marks(history, drawing)
        assert {mark["why"] for mark in seen["unplaced"]} == {"the drawing is not placed yet"}
        seen = view_marks(history, book.place("quay", "pipe 7", drawing.sha256, PATH, "anna"))
        assert [(mark["id"], mark["at"]) for mark in seen["marks"]] == [("crawler-1:epoch:f40", (41.0, 50.0))]
        assert [round(x) for x, _ in seen["marks"][0]["line"]] == [40, 42]
        assert {mark["id"]: mark["why"] for mark in seen["unplaced"]} == {
            "crawler-1:epoch:f900": "not on what the drawing shows",
            "crawler-1:epoch:f3": "not on what the drawing shows",
            "crawler-1:epoch:f5": "the robot sent no place",
        }
        seen = view_marks(history, book.place("quay", "pipe 7", drawing.sha256, SCALE, "anna"))
        assert [(mark["id"], mark["at"]) for mark in seen["marks"]] == [("crawler-1:epoch:f3", (20.0, 70.0))]


def test_findings_of_one_place_are_one_mark(tmp_path: Path) -> None:
    """Two passes over a place make one defect, with one mark under its name, where it reaches."""
    with closing(History(tmp_path)) as history:
        for seq in (40, 4000):
            history.add_finding(finding(seq, from_pose=Pose(distance_m=5.0), to_pose=Pose(distance_m=5.4)))
        DefectBook(history.database).catch_up()
        (defect,) = DefectBook(history.database).defects(DefectFilter(site="quay", asset="pipe 7"))
        book = DrawingBook(history.database)
        drawing = book.put("quay", "pipe 7", png(), "anna")
        seen = view_marks(history, book.place("quay", "pipe 7", drawing.sha256, PATH, "anna"))
        assert [(mark["kind"], mark["label"], mark["key"]) for mark in seen["marks"]] == [
            ("defect", defect.label, defect.key)
        ]
        assert [round(x) for x, _ in seen["marks"][0]["line"]] == [50, 54]
        assert seen["unplaced"] == []
