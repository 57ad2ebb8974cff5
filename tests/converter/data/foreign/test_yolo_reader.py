"""YOLO data sets in the forms that people have."""

from __future__ import annotations

import numpy as np
import pytest

from converter.data.foreign.foreign_set import LeftOut
from converter.data.foreign.picture_finder import PictureFinder
from converter.data.foreign.yolo_reader import find_yaml, has_label_files, read_class_folders, read_yolo
from edge_node.errors import DatasetError
from tests.support.foreign_sets import HEIGHT_PX, WIDTH_PX, write_pictures, write_yolo_set


def _read(folder, source=None):
    left_out = LeftOut()
    found = read_yolo(source or folder, PictureFinder(folder), left_out)
    return found, {reason: len(names) for reason, names in left_out.names.items()}


def _write(folder, labels, yaml):
    write_pictures(folder / "train" / "images", len(labels))
    (folder / "train" / "labels").mkdir(parents=True)
    for number, text in enumerate(labels):
        if text is not None:
            (folder / "train" / "labels" / f"p{number:02d}.txt").write_text(text, encoding="utf-8")
    (folder / "data.yaml").write_text(yaml, encoding="utf-8")


def test_polygons_boxes_and_pictures_without_marks(tmp_path):
    """Five numbers are a box, more a polygon; an empty file and none leave the picture without a region."""
    polygon = "1 0.1 0.1 0.5 0.1 0.5 0.5\n"
    _write(tmp_path, ["0 0.5 0.5 0.2 0.4\n", polygon, "", None], "train: train/images\nnames: [rust, no]\n")
    found, left_out = _read(tmp_path)
    regions = [picture.regions for picture in found.pictures]
    assert [[region.kind for region in one] for one in regions] == [["boxes"], ["masks"], [], []]
    assert regions[0][0].box.corners_px(HEIGHT_PX, WIDTH_PX) == (24, 14, 36, 34)
    assert regions[1][0].category == "no"  # which YAML would read as false
    assert np.count_nonzero(regions[1][0].shape.draw(HEIGHT_PX, WIDTH_PX)) > 100
    assert {picture.set_name for picture in found.pictures} == {"train"}
    assert left_out == {}


@pytest.mark.parametrize(
    "yaml",
    [
        "path: .\ntrain: train/images\nnames: {0: rust}\n",
        "path: ../datasets/elsewhere\ntrain: ../train/images\nnames:\n  0: rust\n",
        "path: /home/me/set\ntrain: [train/images]\nnc: 1\nnames: ['rust']\n",
        "train: lists/train.txt\nnames:\n- rust\n",
        "train: /content/train/images\nval:\nnames: ['rust']\n",
    ],
)
def test_the_forms_of_data_yaml(tmp_path, yaml):
    """Lists or numbers for names; folders, lists and text files of pictures; paths of other machines."""
    _write(tmp_path, ["0 0.5 0.5 0.2 0.4", "0 0.5 0.5 0.2 0.4"], yaml)
    (tmp_path / "lists").mkdir()
    lines = "./train/images/p00.png\n/home/me/set/train/images/p01.png\n"
    (tmp_path / "lists" / "train.txt").write_text(lines, encoding="utf-8")
    found, left_out = _read(tmp_path, find_yaml(tmp_path))
    assert [picture.name for picture in found.pictures] == ["train/images/p00.png", "train/images/p01.png"]
    assert [region.category for picture in found.pictures for region in picture.regions] == ["rust", "rust"]
    assert left_out == {}


def test_lines_that_cannot_be_read_are_left_out(tmp_path):
    """Numbers outside of the picture, classes without a name, words: the picture counts as incomplete."""
    bad = ["0 1.5 0.5 0.2 0.2", "7 0.5 0.5 0.2 0.2", "0 a b c d", "0 0.1 0.1 0.2", "0 nan 0.5 0.1 0.1"]
    _write(tmp_path, [f"{line}\n0 0.5 0.5 0.2 0.2\n" for line in bad], "train: train/images\nnames: [rust]\n")
    found, left_out = _read(tmp_path)
    assert all(picture.is_incomplete and len(picture.regions) == 1 for picture in found.pictures)
    assert sum(left_out.values()) == len(bad)
    (tmp_path / "train" / "images" / "p00.png").unlink()
    assert _read(tmp_path)[1]["a file of labels without its picture"] == 1


def test_paths_out_of_the_set_are_not_followed(tmp_path):
    """A part that lies beside the data set's folder is left out and named."""
    write_pictures(tmp_path / "private", 2)
    _write(tmp_path / "set", ["0 0.5 0.5 0.2 0.2"], "train: train/images\nval: ../private\nnames: [rust]\n")
    found, left_out = _read(tmp_path / "set")
    assert [picture.name for picture in found.pictures] == ["train/images/p00.png"]
    assert left_out == {"the folder or list of pictures is not there, or leads out of the data set": 1}


def test_a_folder_without_yaml_takes_names_from_classes_txt(tmp_path):
    """As labelImg writes it: text files beside pictures; without any names they are numbered."""
    write_pictures(tmp_path, 1)
    (tmp_path / "p00.txt").write_text("0 0.5 0.5 0.2 0.2", encoding="utf-8")
    assert has_label_files(tmp_path)
    assert _read(tmp_path)[0].categories == ("class 0",)
    (tmp_path / "classes.txt").write_text("rust\n", encoding="utf-8")
    assert _read(tmp_path)[0].categories == ("rust",)


def test_key_points_beside_boxes_are_no_polygons(tmp_path):
    """A pose data set's lines are as long as polygons; the box is what counts."""
    yaml = "train: train/images\nkpt_shape: [2, 2]\nnames: [rust]\n"
    _write(tmp_path, ["0 0.5 0.5 0.2 0.4 0.1 0.1 0.2 0.2"], yaml)
    assert _read(tmp_path)[0].pictures[0].regions[0].kind == "boxes"


def test_folders_of_classes_within_parts(tmp_path):
    """As YOLO's classify has them; with one class alone there are none."""
    for part in ("train", "val"):
        for name in ("rusty", "clean"):
            write_pictures(tmp_path / part / name, 1)
    found = read_class_folders(tmp_path, PictureFinder(tmp_path))
    assert [(p.set_name, p.regions[0].category) for p in found.pictures] == [
        ("train", "clean"),
        ("train", "rusty"),
        ("val", "clean"),
        ("val", "rusty"),
    ]
    assert read_class_folders(tmp_path / "train" / "rusty", PictureFinder(tmp_path)) is None


def test_licence_and_source_of_roboflow_are_taken(tmp_path):
    """They stand in a part of their own of ``data.yaml``."""
    yaml = (
        "train: train/images\nnames: [rust]\nroboflow:\n  license: CC BY 4.0\n  url: https://host.example/p\n"
    )
    _write(tmp_path, ["0 0.5 0.5 0.2 0.4"], yaml)
    found, _ = _read(tmp_path)
    assert (found.pictures[0].licence, found.source) == ("CC BY 4.0", "https://host.example/p")


def test_a_yaml_that_is_none_is_refused(tmp_path):
    """In one sentence with its name."""
    write_yolo_set(tmp_path, 2)
    (tmp_path / "data.yaml").write_text("names: [a\ntrain: [", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"data\.yaml: no YAML"):
        _read(tmp_path, tmp_path / "data.yaml")


def test_four_corners_of_every_mark_are_turned_boxes(tmp_path):
    """A set of turned boxes has no outline: none of its pixels counts; one drawn outline says otherwise."""
    turned = "0 0.5 0.2 0.8 0.4 0.6 0.7 0.3 0.5\n"
    _write(tmp_path / "a", [turned, turned + turned], "train: train/images\nnames: [rust]\n")
    found, _ = _read(tmp_path / "a")
    regions = [region for picture in found.pictures for region in picture.regions]
    assert [region.kind for region in regions] == ["boxes"] * 3
    assert regions[0].box.corners_px(100, 100) == (30, 20, 80, 70)
    outline = "0 0.5 0.2 0.8 0.4 0.6 0.7 0.3 0.5 0.4 0.3\n"
    _write(tmp_path / "b", [turned, outline], "train: train/images\nnames: [rust]\n")
    found, _ = _read(tmp_path / "b")
    assert {region.kind for picture in found.pictures for region in picture.regions} == {"masks"}


def test_a_data_yaml_that_cannot_be_read_is_refused(tmp_path):
    """Without it classes would lose their names, and numbers would stand for them."""
    _write(tmp_path, ["0 0.5 0.5 0.2 0.4"], "train: train/images\nnames: [rust]\n")
    (tmp_path / "data.yaml").write_bytes("names: [r\u00fcst]".encode("latin-1"))
    with pytest.raises(DatasetError, match=r"data\.yaml: is not UTF-8 text"):
        _read(tmp_path)
