"""Calibration pictures: every class and group has its turn, the choice can be repeated, none is half read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from converter.data.calibration_pictures import StoredPictures, choose, find_pictures, load_calibration
from converter.graphs.scaling import Preprocessing
from edge_node.errors import DatasetError, UnreadablePictureError

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "file,group,material,corroded,severity,form,mask\n"


def write_picture(path: Path, grey: int = 100) -> Path:
    """Write a grey picture of 20 x 10 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((10, 20, 3), grey, np.uint8))
    return path


def test_folders_are_classes_and_take_turns(tmp_path):
    """Ninety of one class and ten of another: of ten chosen, five are of each."""
    for at in range(90):
        write_picture(tmp_path / "clean" / f"{at}.png")
    for at in range(10):
        write_picture(tmp_path / "rusty" / f"{at}.png")
    chosen = choose(tmp_path, find_pictures(tmp_path), 10, seed=3)
    assert sorted(path.parent.name for path in chosen) == ["clean"] * 5 + ["rusty"] * 5
    assert chosen == choose(tmp_path, find_pictures(tmp_path), 10, seed=3)
    assert chosen != choose(tmp_path, find_pictures(tmp_path), 10, seed=4)


def test_rows_are_classes_and_their_groups_take_turns(tmp_path):
    """One specimen has twenty pictures and three have one: of four chosen, each specimen gives one."""
    rows = [f"a{at}.png,long,steel,1,,," for at in range(20)]
    rows += [f"b{at}.png,short{at},steel,1,,," for at in range(3)]
    (tmp_path / "labels.csv").write_text(HEADER + "\n".join(rows), encoding="utf-8")
    for row in rows:
        write_picture(tmp_path / row.split(",")[0])
    chosen = choose(tmp_path, find_pictures(tmp_path), 4, seed=0)
    assert sorted(path.name[0] for path in chosen) == ["a", "b", "b", "b"]


def test_masks_are_no_pictures(tmp_path):
    """What the table calls a mask is not calibrated on, also where a folder below the table is given."""
    write_picture(tmp_path / "set" / "plate.png")
    write_picture(tmp_path / "set" / "plate_mask.png", 255)
    row = "set/plate.png,g,steel,1,,,set/plate_mask.png\n"
    (tmp_path / "labels.csv").write_text(HEADER + row, encoding="utf-8")
    assert [path.name for path in find_pictures(tmp_path / "set")] == ["plate.png"]


def test_pictures_that_memory_does_not_hold_are_read_again(tmp_path):
    """The first two of three are kept; the third is what its file holds when it is asked for."""
    paths = [write_picture(tmp_path / f"{at}.png", at) for at in range(3)]
    pictures = StoredPictures(paths, kept_bytes=2 * 10 * 20 * 3)
    assert [int(pixels.max()) for pixels in pictures] == [0, 1, 2]
    for path in paths:
        write_picture(path, 100)
    assert [int(pixels.max()) for pixels in pictures] == [0, 1, 100]


def test_the_hash_is_of_the_contents_whatever_their_order(tmp_path):
    """Another seed, all pictures: one hash. One changed picture: another hash."""
    for at in range(4):
        write_picture(tmp_path / f"{at}.png", 10 * at)
    hashes = {load_calibration(tmp_path, 10, seed).sha256 for seed in range(3)}
    assert len(hashes) == 1
    write_picture(tmp_path / "3.png", 200)
    assert load_calibration(tmp_path, 10, 0).sha256 not in hashes


def test_pictures_come_at_the_graphs_size(tmp_path):
    """All of one size, by the node's own rule."""
    write_picture(tmp_path / "a.png")
    calibration = load_calibration(tmp_path, 5, 0)
    rule = Preprocessing(32, 24, (0.0,) * 3, (1.0,) * 3)
    assert calibration.resized(rule).shape == (1, 32, 24, 3)
    assert (calibration.resized(rule) == 100).all()


def test_a_cut_off_picture_is_named(tmp_path):
    """Half a JPEG would be calibrated on as grey; it is refused instead."""
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(UnreadablePictureError, match=r"a\.jpg"):
        load_calibration(tmp_path, 5, 0)


@pytest.mark.parametrize("kind", ["absent", "empty", "file"])
def test_a_folder_without_pictures_is_refused(tmp_path, kind):
    """Not there, empty, or no folder: each is said."""
    path = tmp_path / kind
    if kind == "empty":
        path.mkdir()
    if kind == "file":
        path.touch()
    with pytest.raises(DatasetError, match=kind):
        find_pictures(path)


@pytest.mark.parametrize(
    "table",
    [
        "file,material\na.png,steel\nb.png,aluminium\n",
        "name,price\nbolt,3\n",
        "file,material,group\na.png\n",
        b"\xff\xfe\x00binary",
    ],
)
def test_labels_with_few_columns_are_as_good_as_they_are(tmp_path, table):
    """What can be trained on can be calibrated on; a table about other things says nothing of pictures."""
    (tmp_path / "labels.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((8, 8, 3), np.uint8))
    assert len(load_calibration(tmp_path, 5, 0).paths) == 2
