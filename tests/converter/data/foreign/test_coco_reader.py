"""COCO files, as people have them."""

from __future__ import annotations

import numpy as np
import pytest

from converter.data.foreign.coco_reader import find_coco_files, read_coco
from converter.data.foreign.foreign_set import LeftOut
from converter.data.foreign.picture_finder import PictureFinder
from edge_node.errors import DatasetError
from tests.support.foreign_sets import coco, read_with, runs_of, rust_mask, write_json, write_pictures


def _read(content, folder):
    return read_with(lambda path, finder, left_out: read_coco([path], finder, left_out), content, folder)


@pytest.fixture
def names(tmp_path) -> list[str]:
    """Two pictures."""
    return write_pictures(tmp_path / "images", 2)


def test_boxes_polygons_run_lengths_and_crowds_are_read(tmp_path, names):
    """Each kind of region, with licence, source and categories of no picture."""
    mask = rust_mask(1)
    counts = [0, 5, mask.size - 5]
    annotations = [
        {"image_id": 1, "bbox": [1, 2, 3, 4]},
        {"image_id": 1, "bbox": [1, 2, 3, 4], "segmentation": []},
        {"image_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9], [20, 20, 30, 20, 30, 30]]},
        {"image_id": "1", "segmentation": runs_of(mask), "iscrowd": 0, "category_id": 1.0},
        {"image_id": 2, "segmentation": {"size": list(mask.shape), "counts": counts}, "iscrowd": 1},
    ]
    found, left_out = _read(coco(names, annotations, ("rust", "plate")), tmp_path)
    first, second = found.pictures
    assert [region.kind for region in first.regions] == ["boxes", "boxes", "masks", "masks"]
    np.testing.assert_array_equal(first.regions[3].shape.draw(*mask.shape), mask)
    assert int(second.regions[0].shape.draw(*mask.shape).sum()) == 5
    assert (first.licence, found.source, found.categories) == ("CC BY 4.0", "a yard", ("rust", "plate"))
    assert first.is_stored_orientation
    assert left_out == {}


def test_what_dangles_is_left_out_and_makes_its_picture_incomplete(tmp_path, names):
    """Annotations without picture, category or place, and pictures that are not there."""
    annotations = [
        {"image_id": 9, "bbox": [1, 2, 3, 4]},
        {"image_id": 1, "bbox": [1, 2, 3, 4], "category_id": 7},
        {"image_id": 2},
        {"image_id": 2, "segmentation": {"counts": 3}},
        {"image_id": "x", "bbox": "wide"},
        "nothing",
    ]
    found, left_out = _read(coco([*names, "lost.png", "../../out.png"], annotations), tmp_path)
    assert [picture.is_incomplete for picture in found.pictures] == [True, True]
    assert sum(left_out.values()) == 8
    assert left_out["an annotation of a picture that the file does not list"] == 1
    assert left_out["an annotation of a category that the file does not list"] == 1
    assert left_out["an annotation without a box or mask that can be read"] == 2
    assert left_out["the picture is not there"] == 1


def test_outlines_that_are_only_boxes_are_boxes(tmp_path, names):
    """Tools for boxes write them as four corners too: no pixel in them counts as corroded."""
    rectangle = [2, 3, 12, 3, 12, 9, 2, 9]
    boxes = [
        {"image_id": 1, "bbox": [2, 3, 10, 6], "segmentation": [rectangle]},
        {"image_id": 2, "bbox": [2, 3, 10, 6], "segmentation": [[*rectangle, 2, 3]]},
    ]
    found, _ = _read(coco(names, boxes), tmp_path)
    assert [region.kind for picture in found.pictures for region in picture.regions] == ["boxes", "boxes"]
    outline = {"image_id": 2, "bbox": [2, 3, 10, 6], "segmentation": [[2, 3, 12, 3, 8, 9, 2, 9]]}
    found, _ = _read(coco(names, [boxes[0], outline]), tmp_path)
    assert [region.kind for picture in found.pictures for region in picture.regions] == ["masks", "masks"]


@pytest.mark.parametrize("box", [[1, 2, float("nan"), 4], [1, 2, 0, 4], [1, 2, 3, -4]])
def test_a_box_that_is_none_is_no_mark(tmp_path, names, box):
    """Without width or height it says nothing, and its picture is not called uncorroded either."""
    found, left_out = _read(coco(names, [{"image_id": 1, "bbox": box}]), tmp_path)
    assert found.pictures[0].regions == ()
    assert found.pictures[0].is_incomplete
    assert left_out == {"an annotation without a box or mask that can be read": 1}


def test_ids_that_are_there_twice_are_refused(tmp_path, names):
    """Nobody knows which picture, or which category, an annotation means then."""
    content = coco(names, [])
    content["images"][1]["id"] = 1
    with pytest.raises(DatasetError, match="1 ids of pictures are there twice, such as 1"):
        _read(content, tmp_path)
    content = coco(names, [], ("rust", "plate"))
    content["categories"][1]["id"] = 1
    with pytest.raises(DatasetError, match="category id 1 is both 'rust' and 'plate'"):
        _read(content, tmp_path)
    with pytest.raises(DatasetError, match="no COCO"):
        _read([1, 2], tmp_path)


def test_several_files_are_parts_of_one_set(tmp_path):
    """As Roboflow writes them: a folder for each part, with pictures of its own under equal names."""
    for part in ("train", "valid"):
        names = write_pictures(tmp_path / part, 2)
        write_json(
            tmp_path / part / "_annotations.coco.json", coco(names, [{"image_id": 1, "bbox": [0, 0, 5, 5]}])
        )
    write_json(tmp_path / "package.json", {"name": "no COCO"})
    files = find_coco_files(tmp_path)
    found = read_coco(files, PictureFinder(tmp_path), LeftOut())
    assert [picture.name for picture in found.pictures] == [
        f"{part}/p0{number}.png" for part in ("train", "valid") for number in (0, 1)
    ]
    assert [picture.set_name for picture in found.pictures] == ["train", "train", "valid", "valid"]


def test_the_name_of_the_file_tells_the_folder(tmp_path):
    """As COCO itself lies on a disk: equal names in the folders of other parts are not taken."""
    for part in ("val2017", "train2017"):
        names = write_pictures(tmp_path / part, 1)
    file = write_json(tmp_path / "annotations" / "instances_train2017.json", coco(names, []))
    found = read_coco([file], PictureFinder(tmp_path), LeftOut())
    assert [picture.name for picture in found.pictures] == ["train2017/p00.png"]
