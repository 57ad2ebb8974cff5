"""The mask: black does not count; what says nothing, or is no mask, is refused in a sentence."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_node.errors import ConfigError
from edge_node.view.mask_file import decode_mask, pack_mask, read_mask

HALF = np.full((40, 60), 255, np.uint8)
HALF[:, :30] = 0


def write_png(path, values, **options):
    """Write an array as it is."""
    flags = [part for name, value in options.items() for part in (getattr(cv2, name), value)]
    path.write_bytes(cv2.imencode(".png", values, flags)[1].tobytes())
    return path


def with_alpha(grey, alpha):
    """Return a grey picture with an alpha channel."""
    return np.dstack([grey, grey, grey, np.full_like(grey, alpha) if np.isscalar(alpha) else alpha])


@pytest.mark.parametrize(
    "values",
    [
        HALF,
        HALF.astype(np.uint16) * 257,
        np.dstack([HALF] * 3),
        with_alpha(HALF, 255),
        np.clip(HALF, 8, 243),  # nearly black and white, as a scan or an editor leaves it
    ],
)
def test_black_does_not_count_and_white_does(tmp_path, values):
    """Grey, colour, 16 bits and an opaque alpha channel are all read."""
    assert np.array_equal(read_mask(write_png(tmp_path / "mask.png", values)), HALF)


def test_one_bit_and_a_palette_are_read(tmp_path):
    """The smallest masks that editors write."""
    image = pytest.importorskip("PIL.Image")
    assert np.array_equal(read_mask(write_png(tmp_path / "1.png", HALF, IMWRITE_PNG_BILEVEL=1)), HALF)
    image.fromarray(HALF).convert("P").save(tmp_path / "p.png")
    assert np.array_equal(read_mask(tmp_path / "p.png"), HALF)


def test_smoothed_edges_are_divided_in_the_middle(tmp_path):
    """An editor that smooths outlines leaves some grey there."""
    circle = cv2.circle(np.full((400, 600), 255, np.uint8), (300, 200), 90, 0, -1, cv2.LINE_AA)
    mask = read_mask(write_png(tmp_path / "mask.png", circle))
    assert set(np.unique(mask)) == {0, 255}
    assert np.array_equal(mask > 0, circle >= 128)


@pytest.mark.parametrize("paint", [(0, 0, 255), (0, 255, 255), (128, 128, 128), (255, 120, 120)])
def test_a_little_paint_of_another_colour_is_refused_too(tmp_path, paint):
    """A gripper's tip painted red or grey is less than the edges may be, but would silently count."""
    tip = np.full((400, 600, 3), 255, np.uint8)
    cv2.circle(tip, (300, 390), 12, paint, -1, cv2.LINE_AA)
    with pytest.raises(ConfigError, match=r"0\.\d% of it is neither black nor white"):
        read_mask(write_png(tmp_path / "mask.png", tip))


def test_a_soft_brush_is_a_smoothed_edge(tmp_path):
    """An outline that fades over a dozen pixels is divided in its middle."""
    hard = cv2.circle(np.full((400, 600), 255, np.uint8), (300, 200), 60, 0, -1)
    soft = np.asarray(cv2.GaussianBlur(hard, (0, 0), 5), np.uint8)
    assert np.array_equal(read_mask(write_png(tmp_path / "mask.png", soft)) > 0, soft >= 128)


def test_a_picture_that_is_no_mask_is_refused(tmp_path):
    """A photograph, red paint, transparency, a JPEG, a cut file, a folder, nothing: each has its sentence."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    red = np.dstack([HALF] * 3)
    red[:, :30] = (0, 0, 255)
    clear = with_alpha(np.zeros_like(HALF), 255 - HALF)
    cut = tmp_path / "cut.png"
    cut.write_bytes(write_png(tmp_path / "whole.png", noise).read_bytes()[:-40])
    jpeg = tmp_path / "mask.jpg"
    jpeg.write_bytes(cv2.imencode(".jpg", HALF)[1].tobytes())
    cases = [
        (write_png(tmp_path / "a.png", noise), "neither black nor white"),
        (write_png(tmp_path / "b.png", red), "50.0% of it is neither black nor white"),
        (write_png(tmp_path / "c.png", clear), "transparent"),
        (cut, "cut off or damaged"),
        (jpeg, "no PNG; paint black"),
        (tmp_path, "is a folder"),
        (tmp_path / "none.png", "No such file"),
    ]
    for path, said in cases:
        with pytest.raises(ConfigError, match=said) as refused:
            read_mask(path)
        assert str(refused.value).startswith(str(path))
        assert "\n" not in str(refused.value)


def test_a_packed_mask_is_small_and_the_same():
    """The outline of a wheel in a large picture is a few kilobytes."""
    wheel = cv2.ellipse(np.full((1080, 1920), 255, np.uint8), (900, 1080), (500, 300), 0, 0, 360, 0, -1)
    packed = pack_mask(wheel)
    assert len(packed) < 4000
    assert np.array_equal(decode_mask(packed, "x"), wheel)
