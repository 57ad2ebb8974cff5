"""Exports are whole or not there."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from converter.data.dataset import load_dataset
from converter.data.exchange.exporting import Target, export_samples
from edge_node.errors import CorrosionError
from tests.support.foreign_sets import picture, rust_mask
from tests.support.labelled_pictures import write_labelled_pictures
from tests.support.processes import command
from tests.support.reviewable import plate


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    """Nothing of somebody's export is written over."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x", encoding="utf-8")
    with pytest.raises(CorrosionError, match="is there already and not empty; name a new folder"):
        export_samples([], tmp_path, tmp_path / "out", Target.COCO)


def test_a_picture_that_cannot_be_read_leaves_nothing_behind(tmp_path):
    """The sentence names it, and no half of a folder stays."""
    write_labelled_pictures(tmp_path, ["steel,1,,g,a", "steel,0,,g,a"])
    (tmp_path / "1.png").write_bytes(b"no picture")
    with pytest.raises(CorrosionError, match=r"1\.png"):
        export_samples(load_dataset(tmp_path), tmp_path, tmp_path / "out", Target.LABEL_STUDIO)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.png", "1.png", "labels.csv"]


def test_pycocotools_reads_the_masks_that_were_exported(tmp_path):
    """COCO's own reader makes each mask from the annotations of its picture, pixel by pixel."""
    rows = ["file,corroded,mask"]
    for number in range(1, 5):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture(number))
        cv2.imwrite(str(tmp_path / f"{number}_mask.png"), rust_mask(number).astype(np.uint8) * 255)
        rows.append(f"{number}.png,1,{number}_mask.png")
    (tmp_path / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    export_samples(load_dataset(tmp_path), tmp_path, tmp_path / "out", Target.COCO)
    read = COCO(str(tmp_path / "out" / "annotations.json"))
    for image in read.loadImgs(read.getImgIds()):
        parts = [read.annToMask(one) for one in read.loadAnns(read.getAnnIds(image["id"]))]
        wanted = rust_mask(int(image["file_name"][0]))
        np.testing.assert_array_equal(np.any([*parts, wanted & False], axis=0), wanted)


def test_pictures_keep_their_paths_below_the_data_set(tmp_path):
    """Those from elsewhere get their names alone."""
    (tmp_path / "set" / "deck").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "set" / "deck" / "a.png"), picture(1))
    cv2.imwrite(str(tmp_path / "b.png"), picture(2))
    rows = f"file,corroded\ndeck/a.png,1\n{tmp_path / 'b.png'},0\n"
    (tmp_path / "set" / "labels.csv").write_text(rows, encoding="utf-8")
    export_samples(load_dataset(tmp_path / "set"), tmp_path / "set", tmp_path / "out", Target.COCO)
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")}
    assert found == {"deck/a.png", "pictures/b.png"}


def test_a_robots_map_is_a_prediction_to_correct_and_no_mask(tmp_path):
    """Of a reviewed picture without a mask; what comes back without a person's brush has no mask either."""
    (tmp_path / "1.jpg").write_bytes(plate(3))
    rows = "file,corroded,licence\n1.jpg,1,mine\n"
    (tmp_path / "labels.csv").write_text(rows, encoding="utf-8")
    export_samples(load_dataset(tmp_path), tmp_path, tmp_path / "out", Target.LABEL_STUDIO)
    (task,) = json.loads((tmp_path / "out" / "tasks.json").read_bytes())
    kinds = [
        [one["type"] for one in part[0]["result"]] for part in (task["annotations"], task["predictions"])
    ]
    assert kinds == [["choices"], ["choices", "brushlabels"]]
    told = ("--map", tmp_path / "out" / "categories.toml", "--licence", "mine", "--source", "quay")
    back = command("converter.cli", "data", "import", *map(str, (tmp_path / "out", tmp_path / "back", *told)))
    assert back.returncode == 0, back.stderr
    (sample,) = load_dataset(tmp_path / "back")
    assert (sample.labels["corroded"], sample.mask) == ("corroded", None)
