"""Folders of mask pictures."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from converter.data.foreign.foreign_set import LeftOut
from converter.data.foreign.mask_folder_reader import (
    find_mask_folder,
    has_masks_beside_pictures,
    read_mask_folder,
)
from converter.data.foreign.picture_finder import PictureFinder
from tests.support.foreign_sets import HEIGHT_PX, WIDTH_PX, rust_mask, write_pictures


def _read(folder, masks="masks"):
    left_out = LeftOut()
    found = read_mask_folder(folder / masks, folder / "images", PictureFinder(folder), left_out)
    return found, {reason: len(names) for reason, names in left_out.names.items()}


def _write_mask(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def test_each_value_is_a_category(tmp_path):
    """Grey values become numbers; names pair with and without the usual endings, in folders too."""
    for name in write_pictures(tmp_path / "images" / "deck", 2):
        cv2.imwrite(
            str(tmp_path / "images" / "deck" / name).replace(".png", ".jpg"), np.zeros((9, 9, 3), np.uint8)
        )
        (tmp_path / "images" / "deck" / name).unlink()
    _write_mask(tmp_path / "masks" / "deck" / "p00_mask.png", rust_mask(1).astype(np.uint8) * 255)
    _write_mask(tmp_path / "masks" / "deck" / "p01.png", np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8))
    found, left_out = _read(tmp_path)
    assert [[region.category for region in picture.regions] for picture in found.pictures] == [
        ["0", "255"],
        ["0"],
    ]
    assert all(picture.is_covered and picture.size_px == (WIDTH_PX, HEIGHT_PX) for picture in found.pictures)
    np.testing.assert_array_equal(found.pictures[0].regions[1].shape.draw(HEIGHT_PX, WIDTH_PX), rust_mask(1))
    assert left_out == {}


def test_masks_may_lie_beside_their_pictures(tmp_path):
    """Told apart by the endings of their names."""
    write_pictures(tmp_path, 2)
    assert not has_masks_beside_pictures(tmp_path)
    _write_mask(tmp_path / "p01_mask.png", rust_mask(1).astype(np.uint8) * 255)
    assert has_masks_beside_pictures(tmp_path)
    left_out = LeftOut()
    found = read_mask_folder(tmp_path, tmp_path, PictureFinder(tmp_path), left_out)
    assert [picture.name for picture in found.pictures] == ["p01.png"]
    assert left_out.names == {"a picture without a mask": ("p00.png",)}


def test_a_legend_names_the_colours(tmp_path):
    """CVAT writes ``labelmap.txt`` beside its masks; what it does not name keeps its colour."""
    write_pictures(tmp_path / "images", 1)
    colours = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    colours[:9] = (250, 50, 83)
    colours[9:12] = (1, 2, 3)
    _write_mask(tmp_path / "SegmentationClass" / "p00.png", colours)
    legend = "# label:color_rgb:parts:actions\nbackground:0,0,0::\nrust:250,50,83::\n"
    (tmp_path / "labelmap.txt").write_text(legend, encoding="utf-8")
    assert find_mask_folder(tmp_path) == tmp_path / "SegmentationClass"
    found, _ = _read(tmp_path, "SegmentationClass")
    assert {region.category for region in found.pictures[0].regions} == {"background", "rust", "#010203"}


def test_what_has_no_partner_or_soft_edges_is_left_out(tmp_path):
    """A mask that was saved as a photograph has many values, of which nobody drew most."""
    write_pictures(tmp_path / "images", 2)
    _write_mask(
        tmp_path / "masks" / "p00.png", np.arange(48 * 60, dtype=np.uint32).reshape(48, 60).astype(np.uint8)
    )
    _write_mask(tmp_path / "masks" / "p07.png", np.zeros((48, 60), np.uint8))
    found, left_out = _read(tmp_path)
    assert found.pictures == ()
    assert left_out == {
        "a mask of more than 64 values: its edges are soft; save masks as PNG, not as JPEG": 1,
        "a picture without a mask": 1,
        "a mask without a picture": 1,
    }
