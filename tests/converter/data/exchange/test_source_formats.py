"""The files tell which tool wrote a data set."""

from __future__ import annotations

import pytest

from converter.data.exchange.source_formats import Format, find_format, read_foreign_set
from converter.data.foreign.foreign_set import LeftOut
from edge_node.errors import DatasetError
from tests.support.foreign_sets import (
    coco,
    label_studio_task,
    write_coco_set,
    write_json,
    write_label_studio_set,
    write_pictures,
    write_yolo_set,
)


@pytest.mark.parametrize(
    ("write", "wanted", "file"),
    [
        (write_coco_set, Format.COCO, "annotations.json"),
        (write_yolo_set, Format.YOLO, "data.yaml"),
        (write_label_studio_set, Format.LABEL_STUDIO, "export.json"),
    ],
)
def test_a_folder_and_its_file_tell_the_tool(tmp_path, write, wanted, file):
    """Both ways the same pictures are read."""
    write(tmp_path / "set", 4)
    for source in (tmp_path / "set", tmp_path / "set" / file):
        assert find_format(source) is wanted
        found = read_foreign_set(source, None, None, LeftOut())
        assert len(found.pictures) == 4


def test_masks_and_class_folders_are_told_apart(tmp_path):
    """A folder of masks beside pictures, and folders of pictures."""
    write_pictures(tmp_path / "m" / "images", 1)
    write_pictures(tmp_path / "m" / "masks", 1)
    assert find_format(tmp_path / "m") is Format.MASKS
    write_pictures(tmp_path / "c" / "rusty", 1)
    write_pictures(tmp_path / "c" / "clean", 1)
    assert find_format(tmp_path / "c") is Format.CLASSES


def test_what_does_not_tell_is_asked_for(tmp_path):
    """Two tools in one folder, nothing known, nothing there, and no picture of it there."""
    names = write_pictures(tmp_path / "set", 1)
    write_json(tmp_path / "set" / "coco.json", coco(names, []))
    write_json(tmp_path / "set" / "tasks.json", [label_studio_task(names[0], [])])
    with pytest.raises(DatasetError, match="holds coco, label-studio; say which one with --format"):
        find_format(tmp_path / "set")
    assert len(read_foreign_set(tmp_path / "set", None, Format.COCO, LeftOut()).pictures) == 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="nothing known in it; wanted COCO"):
        find_format(tmp_path / "empty")
    with pytest.raises(DatasetError, match="nothing there"):
        read_foreign_set(tmp_path / "none", None, None, LeftOut())
    (tmp_path / "set" / "broken").mkdir()
    (tmp_path / "set" / "broken" / "a.json").write_text("{", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"a\.json: no JSON"):
        find_format(tmp_path / "set" / "broken")
    with pytest.raises(DatasetError, match="neither COCO"):
        find_format(write_json(tmp_path / "other.json", []))
    (tmp_path / "set" / "labels.csv").write_text("file\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"holds labels\.csv, which every command reads"):
        find_format(tmp_path / "set")
    lost = write_json(tmp_path / "lost" / "a.json", coco(["x.png"], []))
    with pytest.raises(
        DatasetError, match=r"no picture of it can be used: the picture is not there \(x\.png\)"
    ):
        read_foreign_set(lost, None, None, LeftOut())


def test_a_set_none_of_whose_marks_can_be_read_is_refused(tmp_path):
    """Else every picture with a damaged mark were left out, and the rest were all uncorroded."""
    write_pictures(tmp_path / "images", 2)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "p00.txt").write_text("7 0.5 0.5 0.2 0.2\n", encoding="utf-8")
    (tmp_path / "data.yaml").write_text("train: images\nnames: [rust]\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="none of its marks can be read: a class that 1 names"):
        read_foreign_set(tmp_path, None, None, LeftOut())
