"""Label Studio's JSON export."""

from __future__ import annotations

import numpy as np
import pytest

from converter.data.foreign.brush_rle import encode_brush
from converter.data.foreign.json_file import read_json
from converter.data.foreign.label_studio_reader import read_label_studio
from edge_node.errors import DatasetError
from tests.support.foreign_sets import (
    HEIGHT_PX,
    WIDTH_PX,
    label_studio_task,
    read_with,
    rust_mask,
    write_pictures,
)


def _read(tasks, folder):
    write_pictures(folder, 1)
    return read_with(
        lambda path, finder, left_out: read_label_studio(read_json(path), path, finder, left_out),
        tasks,
        folder,
    )


_CHOICE = {"type": "choices", "value": {"choices": ["rusty"]}}
_POINTS = [[10, 10], [50, 10], [50, 50]]


def test_rectangles_polygons_brushes_and_choices(tmp_path):
    """Each becomes a region of its kind; shape and label may stand in two results of one id."""
    mask = rust_mask(1)
    results = [
        _CHOICE,
        {
            "type": "rectanglelabels",
            "value": {"x": 10, "y": 50, "width": 20, "height": 25, "rectanglelabels": ["a"]},
        },
        {"type": "polygonlabels", "value": {"points": _POINTS, "polygonlabels": ["b"]}},
        {
            "type": "brushlabels",
            "value": {"format": "rle", "rle": list(encode_brush(mask)), "brushlabels": ["c"]},
        },
        {"id": "s", "type": "polygon", "value": {"points": _POINTS}},
        {"id": "s", "type": "labels", "value": {"points": _POINTS, "labels": ["d"]}},
    ]
    found, left_out = _read([label_studio_task("p00.png", results)], tmp_path)
    (picture,) = found.pictures
    assert [(region.category, region.kind) for region in picture.regions] == [
        ("rusty", "pictures"),
        ("a", "boxes"),
        ("b", "masks"),
        ("c", "masks"),
        ("d", "masks"),
    ]
    assert picture.regions[1].box.corners_px(HEIGHT_PX, WIDTH_PX) == (6, 24, 18, 36)
    np.testing.assert_array_equal(picture.regions[3].shape.draw(HEIGHT_PX, WIDTH_PX), mask)
    assert picture.size_px == (WIDTH_PX, HEIGHT_PX)
    assert left_out == {}


def test_a_choice_about_a_region_is_of_that_region(tmp_path):
    """Label Studio gives it the region's id; it says nothing of the rest of the picture."""
    box = {"x": 10, "y": 50, "width": 20, "height": 25}
    results = [
        {"id": "s", "type": "rectanglelabels", "value": box | {"rectanglelabels": ["rust"]}},
        {"id": "s", "type": "choices", "value": box | {"choices": ["late"]}},
    ]
    found, _ = _read([label_studio_task("p00.png", results)], tmp_path)
    assert [(region.category, region.kind) for region in found.pictures[0].regions] == [
        ("rust", "boxes"),
        ("late", "boxes"),
    ]


def test_remarks_and_relations_mark_nothing(tmp_path):
    """They leave the picture's marks complete; a path of a taxonomy is a choice."""
    results = [
        {"type": "textarea", "value": {"text": ["a remark"]}},
        {"type": "relation", "from_id": "a", "to_id": "b"},
        {"type": "rating", "value": {"rating": 3}},
        {"type": "taxonomy", "value": {"taxonomy": [["rust", "late"]]}},
    ]
    found, left_out = _read([label_studio_task("p00.png", results)], tmp_path)
    assert [region.category for region in found.pictures[0].regions] == ["rust/late"]
    assert not found.pictures[0].is_incomplete
    assert left_out == {}


def test_the_annotation_that_counts(tmp_path):
    """Cancelled ones do not; where people differ, the one marked as ground truth does, else none."""
    one, other = {"result": [_CHOICE]}, {"result": [{"type": "choices", "value": {"choices": ["clean"]}}]}
    cases = [
        ([other | {"was_cancelled": True}, one], ["rusty"]),
        ([one, dict(one)], ["rusty"]),
        ([other, one | {"ground_truth": True}], ["rusty"]),
        ([one, other], "several annotations of a task differ; mark the right one as ground truth"),
        ([one | {"was_cancelled": True}], "the task was skipped"),
        ([], "nobody annotated the task"),
    ]
    for given, wanted in cases:
        task = label_studio_task("p00.png", []) | {"annotations": given}
        found, left_out = _read([task], tmp_path)
        told = [region.category for picture in found.pictures for region in picture.regions]
        assert (told or next(iter(left_out))) == wanted


def test_regions_that_cannot_be_read_make_the_picture_incomplete(tmp_path):
    """Damaged ellipses, a picture turned in Label Studio, damaged values: each with its reason."""
    box = {"x": 10, "y": 50, "width": 20, "height": 25, "rectanglelabels": ["a"]}
    results = [
        {"type": "ellipselabels", "value": {"x": 1, "ellipselabels": ["a"], "labels": ["a"]}},
        {"type": "rectanglelabels", "value": box | {"rotation": 30}},
        {"type": "rectanglelabels", "value": box, "image_rotation": 90},
        {"type": "polygonlabels", "value": {"points": [[1]], "polygonlabels": ["a"], "x": None}},
        {"type": "brushlabels", "value": {"rle": [999], "brushlabels": ["a"]}},
        {"type": "rectanglelabels", "value": {"x": 1}},
        17,
    ]
    found, left_out = _read([label_studio_task("p00.png", results)], tmp_path)
    assert found.pictures[0].is_incomplete
    assert sum(left_out.values()) == 7 - len(found.pictures[0].regions)
    assert [region.kind for region in found.pictures[0].regions].count("boxes") == 1  # the turned one
    assert left_out["a region on a picture that was turned in Label Studio"] == 1


def test_turned_rectangles_and_ellipses_are_the_boxes_around_them(tmp_path):
    """They label their picture, or are cut out, and mark no pixel; points are left out by their kind."""
    turned = {"x": 50, "y": 50, "width": 20, "height": 10, "rotation": 90, "rectanglelabels": ["a"]}
    ellipse = {"x": 50, "y": 40, "radiusX": 10, "radiusY": 20, "rotation": 0, "ellipselabels": ["b"]}
    point = {"x": 50, "y": 50, "width": 1, "keypointlabels": ["c"]}
    results = [
        {"type": "rectanglelabels", "value": turned, "original_width": 200, "original_height": 100},
        {"type": "ellipselabels", "value": ellipse},
        {"type": "keypointlabels", "value": point},
    ]
    found, left_out = _read([label_studio_task("p00.png", results)], tmp_path)
    first, second = found.pictures[0].regions
    assert (first.kind, second.kind) == ("boxes", "boxes")
    # 40 x 10 px about (100, 50), a quarter round: x from 90 to 100, y from 50 to 90.
    assert first.box.corners_px(100, 200) == (90, 50, 100, 90)
    assert second.box.corners_px(100, 200) == (80, 20, 120, 60)
    assert left_out == {"a region of a kind that is not read (keypointlabels)": 1}


def test_other_exports_are_refused_by_name(tmp_path):
    """JSON-MIN lacks what is needed, and says what to export instead."""
    with pytest.raises(DatasetError, match="JSON-MIN does not hold what is needed; export it as JSON"):
        _read([{"image": "/data/upload/1/a.jpg", "annotation_id": 3, "annotator": 1}], tmp_path)
    with pytest.raises(DatasetError, match="no export of Label Studio"):
        _read({"a": 1}, tmp_path)


def test_tasks_without_pictures_are_left_out(tmp_path):
    """A text, a task that is none, and a picture that is not there."""
    tasks = [
        label_studio_task("lost.png", [_CHOICE]),
        {"data": {"text": "hello"}, "annotations": [{"result": [_CHOICE]}]},
        label_studio_task("p00.png", [_CHOICE]),
        {"data": 3},
    ]
    found, left_out = _read(tasks, tmp_path)
    assert len(found.pictures) == 1
    assert left_out["the picture is not there"] == 1
    assert left_out["a task without a picture"] == 1
    assert sum(left_out.values()) == 3
