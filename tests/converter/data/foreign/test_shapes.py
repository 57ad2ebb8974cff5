"""Regions of other tools, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from converter.data.foreign.brush_rle import encode_brush
from converter.data.foreign.shapes import (
    Box,
    Brush,
    ColourArea,
    Polygons,
    RunLengths,
    ShapeError,
    read_mask_values,
)
from tests.support.foreign_sets import HEIGHT_PX, WIDTH_PX, runs_of, rust_mask


def test_run_lengths_keep_holes_and_parts():
    """A mask of two parts, one with a hole, is the same from compressed text and from numbers."""
    mask = rust_mask(1)
    text = runs_of(mask)["counts"]
    np.testing.assert_array_equal(RunLengths(mask.shape, text).draw(*mask.shape), mask)
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flat]).astype(int)))
    counts = np.diff([0, *edges, flat.size])
    np.testing.assert_array_equal(RunLengths(mask.shape, tuple(map(int, counts))).draw(*mask.shape), mask)


def test_compressed_run_lengths_are_read_as_coco_reads_them():
    """Long, short and falling runs: what is checked before is what pycocotools would decode."""
    random = np.random.default_rng(3)
    for share in (0.001, 0.3, 0.999):
        mask = random.random((70, 130)) < share
        np.testing.assert_array_equal(RunLengths((70, 130), runs_of(mask)["counts"]).draw(70, 130), mask)


@pytest.mark.parametrize(
    ("size", "counts", "why"),
    [
        ((4, 4), (3, 4), "do not fill"),
        ((4, 4), (3, -4, 17), "do not fill"),
        ((4, 4), "`", "cut off"),
        ((4, 4), "\u00e9\u00e9", "damaged"),
        ((4, 4), "oooooooooooo", "damaged"),
        ((9, 9), (81,), "run lengths of 9 x 9 px in a picture of 4 x 4"),
    ],
)
def test_run_lengths_that_do_not_fit_are_refused(size, counts, why):
    """They would be written past the end of the picture."""
    with pytest.raises(ShapeError, match=why):
        RunLengths(size, counts).draw(4, 4)


def test_polygons_are_drawn_as_coco_draws_them():
    """Several parts are one region, in px or in shares of the picture."""
    parts = ((2.0, 3.0, 20.5, 3.0, 11.0, 19.0), (30.0, 30.0, 50.0, 30.0, 50.0, 44.0, 30.0, 44.0))
    wanted = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([list(p) for p in parts], 48, 60)))
    np.testing.assert_array_equal(Polygons(parts).draw(48, 60), wanted.astype(bool))
    shares = tuple(tuple(v / (60, 48)[at % 2] for at, v in enumerate(part)) for part in parts)
    np.testing.assert_array_equal(Polygons(shares, is_relative=True).draw(48, 60), wanted.astype(bool))
    assert wanted.sum() > 300


@pytest.mark.parametrize(
    "part", [(1.0, 1.0, 2.0, 2.0), (0.0, 0.0, 9.0, 9.0, 1e9, 3.0), (0.0, 0.0, 9.0, float("nan"), 3.0, 3.0)]
)
def test_polygons_that_are_none_are_refused(part):
    """Two corners, a corner in another country, a corner that is no number."""
    with pytest.raises(ShapeError, match="polygon"):
        Polygons((part,)).draw(48, 60)


def test_a_brush_is_drawn_from_half_cover_on():
    """Label Studio's stroke comes back; one of another size is refused."""
    mask = rust_mask(2)
    brush = Brush(mask.shape, encode_brush(mask))
    np.testing.assert_array_equal(brush.draw(HEIGHT_PX, WIDTH_PX), mask)
    with pytest.raises(ShapeError, match="brush of 60 x 48 px in a picture of 48 x 60"):
        brush.draw(WIDTH_PX, HEIGHT_PX)


def test_a_box_is_cut_at_the_edge_and_refused_beyond():
    """Whole pixels within the picture."""
    assert Box(-5, 10.4, 20, 10).corners_px(48, 60) == (0, 10, 15, 20)
    assert Box(0.5, 0.5, 0.5, 0.5, is_relative=True).corners_px(48, 60) == (30, 24, 60, 48)
    for outside in (Box(70, 0, 5, 5), Box(0, 0, 0, 5), Box(0, 0, float("nan"), 5)):
        with pytest.raises(ShapeError):
            outside.corners_px(48, 60)


def test_values_of_mask_pictures(tmp_path):
    """Palette, grey and colours are told apart; a colour mask with grey pixels alone keeps colours."""
    palette = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "P")
    palette.putpalette([0, 0, 0, 200, 10, 16])
    palette.save(tmp_path / "p.png")
    Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).save(tmp_path / "g.png")
    Image.fromarray(np.array([[[0, 0, 0], [200, 10, 16]]], np.uint8)).save(tmp_path / "c.png")
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / "black.png")
    Image.fromarray(np.array([[0, 300]], np.uint16)).save(tmp_path / "deep.png")
    Image.fromarray(np.array([[False, True]])).save(tmp_path / "bits.png")
    names = {path.stem: list(read_mask_values(path).names.values()) for path in tmp_path.iterdir()}
    assert names == {
        "p": ["0 #000000", "1 #c80a10"],
        "g": ["0", "255"],
        "c": ["#000000", "#c80a10"],
        "black": ["#000000"],
        "deep": ["0", "300"],
        "bits": ["0", "255"],
    }
    area = ColourArea(tmp_path / "c.png", 0xC80A10).draw(1, 2)
    assert area.tolist() == [[False, True]]
    with pytest.raises(ShapeError, match="mask of 2 x 1 px in a picture of 9 x 9"):
        ColourArea(tmp_path / "c.png", 0).draw(9, 9)
    (tmp_path / "cut.png").write_bytes((tmp_path / "g.png").read_bytes()[:40])
    with pytest.raises(ShapeError, match="no picture"):
        read_mask_values(tmp_path / "cut.png")
