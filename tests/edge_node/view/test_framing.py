"""The view is exactly what each step by itself would make of the picture, in one step."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_node.messages.camera_view import Crop, Lens
from edge_node.view.framing import FILL_GREY, Framing
from edge_node.view.settings import ViewSettings

WIDTH, HEIGHT = 96, 64
NOISE = np.random.default_rng(3)
PICTURE = NOISE.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
BARREL = Lens(
    model="pinhole",
    width_px=WIDTH,
    height_px=HEIGHT,
    fx_px=80,
    fy_px=82,
    cx_px=47,
    cy_px=33,
    coefficients=(-0.3, 0.1, 0.001, -0.002, 0.0),
)
ORIENTATIONS = [
    (angle, flip) for angle in (0, 90, 180, 270) for flip in ("none", "horizontal", "vertical", "both")
]


def turn(pixels, rotate_deg, flip):
    """Turn clockwise, then flip: with numpy, step by step."""
    turned = np.rot90(pixels, -rotate_deg // 90)
    turned = turned[:, ::-1] if flip in ("horizontal", "both") else turned
    return turned[::-1] if flip in ("vertical", "both") else turned


def crop_of(width, height):
    """Return a crop in the middle of a turned picture."""
    return Crop(left_px=7, top_px=5, width_px=31, height_px=40, of_px=(width, height))


@pytest.mark.parametrize(("rotate_deg", "flip"), ORIENTATIONS)
def test_turning_flipping_and_cropping_are_those_of_numpy(rotate_deg, flip):
    """Clockwise, then flipped, then cropped in the turned picture; not one byte differs from slicing."""
    turned = turn(PICTURE, rotate_deg, flip)
    assert np.array_equal(Framing(ViewSettings(rotate_deg, flip), WIDTH, HEIGHT).render(PICTURE), turned)
    crop = crop_of(turned.shape[1], turned.shape[0])
    view = Framing(ViewSettings(rotate_deg, flip, crop), WIDTH, HEIGHT).render(PICTURE)
    assert np.array_equal(view, turned[5:45, 7:38])
    assert view.flags.c_contiguous
    assert not np.shares_memory(view, PICTURE)


def test_a_quarter_turn_is_clockwise():
    """What was at the top left is at the top right."""
    view = Framing(ViewSettings(90), WIDTH, HEIGHT).render(PICTURE)
    assert view.shape == (WIDTH, HEIGHT, 3)
    assert np.array_equal(view[0, -1], PICTURE[0, 0])


@pytest.mark.parametrize("model", ["pinhole", "fisheye"])
@pytest.mark.parametrize(("rotate_deg", "flip"), [(0, "none"), (90, "horizontal"), (270, "none")])
def test_the_lens_is_corrected_as_opencv_does_it_before_anything_else(model, rotate_deg, flip):
    """One remap gives the bytes of cv2's undistortion followed by turning, flipping and cropping."""
    coefficients = (0.1, -0.02, 0.01, 0.0) if model == "fisheye" else BARREL.coefficients
    lens = Lens(model=model, **{**as_dict(BARREL), "coefficients": coefficients})
    camera = np.array([[80, 0, 47], [0, 82, 33], [0, 0, 1]], np.float64)
    if model == "fisheye":
        corrected = cv2.fisheye.undistortImage(PICTURE, camera, np.array(coefficients), Knew=camera)
    else:
        corrected = cv2.undistort(PICTURE, camera, np.array(coefficients))
    turned = turn(corrected, rotate_deg, flip)
    crop = crop_of(turned.shape[1], turned.shape[0])
    framing = Framing(ViewSettings(rotate_deg, flip, crop, lens), WIDTH, HEIGHT)
    counts = np.full((40, 31), True) if framing.counted is None else framing.counted.mask > 0
    assert counts.mean() > 0.8
    assert np.array_equal(framing.render(PICTURE)[counts], turned[5:45, 7:38][counts])


def as_dict(lens):
    """Return the fields of a lens but its model."""
    return {name: getattr(lens, name) for name in lens.__struct_fields__ if name != "model"}


def test_a_calibration_at_another_resolution_is_scaled():
    """A camera calibrated at twice the size is corrected as by the scaled matrix, pixel centres and all."""
    double = Lens(
        model="pinhole",
        width_px=2 * WIDTH,
        height_px=2 * HEIGHT,
        fx_px=160,
        fy_px=164,
        cx_px=2 * 47 + 0.5,
        cy_px=2 * 33 + 0.5,
        coefficients=BARREL.coefficients,
    )
    views = [Framing(ViewSettings(lens=lens), WIDTH, HEIGHT) for lens in (BARREL, double)]
    assert np.array_equal(*(view.render(PICTURE) for view in views))
    assert views[0].focal_px == views[1].focal_px == pytest.approx((80 * 82) ** 0.5)


def test_what_does_not_count_is_grey_and_the_cameras_picture_stays():
    """Masked pixels are grey in the view, all others are the camera's, which are not written to."""
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[50:, 20:60] = 0
    before = PICTURE.copy()
    framing = Framing(ViewSettings(90, mask=mask), WIDTH, HEIGHT)
    view, counts = framing.render(PICTURE), turn(mask, 90, "none") > 0
    assert np.array_equal(view[counts], turn(PICTURE, 90, "none")[counts])
    assert (view[~counts] == FILL_GREY).all()
    assert np.array_equal(PICTURE, before)
    assert framing.numbers.counted_px == framing.counted.count == WIDTH * HEIGHT - 14 * 40


def test_what_a_lens_draws_from_beyond_the_picture_does_not_count():
    """A corrected pincushion has corners that the camera never saw: they are masked like a robot's wheels."""
    pincushion = Lens(model="pinhole", **{**as_dict(BARREL), "coefficients": (0.5, 0.0, 0.0, 0.0)})
    framing = Framing(ViewSettings(lens=pincushion), WIDTH, HEIGHT)
    assert framing.counted is not None
    assert framing.counted.mask[0, 0] == 0 < framing.counted.mask[HEIGHT // 2, WIDTH // 2]
    assert (framing.render(PICTURE)[0, 0] == FILL_GREY).all()


@pytest.mark.parametrize("lens", [None, BARREL])
@pytest.mark.parametrize(("rotate_deg", "flip"), [(0, "none"), (90, "none"), (270, "vertical")])
def test_a_map_comes_back_to_the_place_where_the_camera_saw_it(lens, rotate_deg, flip):
    """A spot in the camera's picture, found in the view, lies in the camera's picture where it was."""
    spot = np.zeros_like(PICTURE)
    spot[20:26, 60:68] = 255
    turned = (HEIGHT, WIDTH) if rotate_deg in (90, 270) else (WIDTH, HEIGHT)
    crop = Crop(left_px=2, top_px=2, width_px=turned[0] - 4, height_px=turned[1] - 4, of_px=turned)
    framing = Framing(ViewSettings(rotate_deg, flip, crop, lens), WIDTH, HEIGHT)
    seen = (framing.render(spot)[..., 0] > 127).astype(np.float32)
    back = framing.to_camera(seen, HEIGHT // 2, WIDTH // 2) > 0.5
    rows, columns = np.nonzero(back)
    assert (rows.min(), rows.max()) == pytest.approx((10, 12), abs=1)
    assert (columns.min(), columns.max()) == pytest.approx((30, 33), abs=1)


def test_the_footprint_is_what_is_judged_of_the_cameras_picture():
    """Cropped and masked parts of the camera's picture are outside of it."""
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[:, :16] = 0
    crop = Crop(left_px=0, top_px=0, width_px=WIDTH, height_px=32, of_px=(WIDTH, HEIGHT))
    footprint = Framing(ViewSettings(crop=crop, mask=mask), WIDTH, HEIGHT).footprint(8, 12)
    expected = np.zeros((8, 12), np.uint8)
    expected[:4, 2:] = 255
    assert np.array_equal(footprint, expected)
