"""What cannot be judged is refused with its reason; what can is not."""

from __future__ import annotations

import csv
import random

import cv2
import numpy as np
import pytest

from edge_node.camera.backends.recording import iter_video
from edge_node.camera.picture import read_picture
from edge_node.config.sections import InspectConfig
from edge_node.demo.run import CLIP
from edge_node.inspection.inspectability import (
    Thresholds,
    find_colourless,
    has_colour,
    inspect,
    is_surely_sharp,
    measure_light,
    measure_sharpness,
    thresholds_of,
    to_grey,
)
from tests.support.mjpeg_server import moving_picture

SHARPNESS_ONLY = Thresholds(dark_below=0, glare_above=1, contrast_below=0)
OFF = Thresholds(dark_below=0, glare_above=1, contrast_below=0, sharpness_below=0, motion_below=0)


def textured(level=128, spread=40.0, size=(480, 640)):
    """Return a picture under a light from the side, with the fine texture that a camera in focus shows."""
    noise = np.random.default_rng(3).normal(0, spread, (*size, 1)).repeat(3, axis=2)
    ramp = np.linspace(-30, 30, size[1])[np.newaxis, :, np.newaxis]
    return np.clip(level + noise + ramp, 0, 255).astype(np.uint8)


def codes(pixels, thresholds=None):
    """Return the codes of the reasons."""
    return [reason.code for reason in inspect(pixels, thresholds or Thresholds())]


def test_a_sharp_and_lit_picture_is_judged():
    """Texture in the middle of the scale is no reason to refuse."""
    assert codes(textured()) == []


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda pixels: pixels // 16, "dark"),
        (np.zeros_like, "dark"),
        (lambda pixels: np.full_like(pixels, 255), "glare"),
        (lambda pixels: np.clip(pixels.astype(int) + 160, 0, 255).astype(np.uint8), "glare"),
        (lambda pixels: (118 + pixels // 16).astype(np.uint8), "uniform"),
        (lambda pixels: np.full_like(pixels, 128), "uniform"),
        (lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 9), "blurred"),
        (lambda pixels: cv2.blur(pixels, (65, 1)), "motion_blur"),
        (lambda pixels: cv2.blur(pixels, (1, 65)), "motion_blur"),
    ],
)
def test_each_fault_has_its_reason(spoil, code):
    """Darkness, glare, haze, defocus and motion are each named, alone, in one line with the figure."""
    found = inspect(spoil(textured()), Thresholds())
    assert [reason.code for reason in found] == [code]
    assert "\n" not in found[0].text
    assert any(character.isdigit() for character in found[0].text)


def test_the_measures_of_a_known_picture():
    """Three quarters black and one quarter white: brightness 255, glare a quarter, contrast 255."""
    pixels = np.zeros((480, 640, 3), np.uint8)
    pixels[:240, :320] = 255
    found = measure_light(to_grey(pixels))
    assert (found.brightness, found.glare, found.contrast) == (255, 0.25, 255)


def test_second_differences_of_stripes():
    """Vertical stripes change along the lines and not along the columns: the lesser direction is 0."""
    pixels = np.zeros((240, 320, 3), np.uint8)
    pixels[:, ::2] = 100
    found = measure_sharpness(to_grey(pixels))
    assert (found.overall, found.along) == (200, 0)  # |100 - 2 * 0 + 100|


@pytest.mark.parametrize("size", [(1, 1), (7, 900), (8, 8), (240, 320)])
@pytest.mark.parametrize("masked", [False, True])
def test_the_quick_look_at_sharpness_never_contradicts_the_measure(size, masked):
    """Whatever the middle lines show, count or not, and wherever the bound lies: no blur is called sharp."""
    mask = (np.indices(size).sum(axis=0) % 3 > 0).astype(np.uint8) * 255 if masked else None
    found_sharp = 0
    for spread in (0, 2, 8, 60):
        grey = np.random.default_rng(spread).normal(128, spread, size).clip(0, 255).astype(np.uint8)
        grey[: size[0] // 3] = 128
        measured = measure_sharpness(grey, mask)
        for bound in (-1.0, 0.0, measured.overall, measured.overall + 0.5, measured.along, 255.0, 300.0):
            for thresholds in (Thresholds(sharpness_below=bound), Thresholds(motion_below=bound)):
                is_sharp = is_surely_sharp(grey, thresholds, mask)
                found_sharp += is_sharp
                assert not is_sharp or (
                    measured.overall >= thresholds.sharpness_below
                    and measured.along >= thresholds.motion_below
                )
    assert found_sharp or size != (240, 320)


def test_a_frozen_frame_is_refused_whatever_it_shows():
    """The camera's own word comes first, and does not hide what the picture shows."""
    assert [reason.code for reason in inspect(textured(), Thresholds(), frozen=True)] == ["frozen"]
    dark = inspect(np.zeros((48, 64, 3), np.uint8), Thresholds(), frozen=True)
    assert [reason.code for reason in dark] == ["frozen", "dark"]


@pytest.mark.parametrize("pixels", [np.zeros((1, 1, 3), np.uint8), np.full((2, 900, 3), 255, np.uint8)])
def test_every_threshold_can_be_turned_off(pixels):
    """With all thresholds off nothing is refused, not even pictures of one pixel."""
    assert codes(pixels, OFF) == []


def test_the_configuration_holds_the_same_defaults():
    """What ``edge-node init`` prints is what the gate does."""
    assert thresholds_of(InspectConfig()) == Thresholds()


@pytest.mark.parametrize("size", [(480, 640), (1080, 1920), (240, 320), (3000, 4000)])
def test_the_size_of_the_frame_matters_little(size):
    """The same scene is judged alike from a small and from a large camera."""
    scene = cv2.resize(textured(size=(480, 640)), size[::-1], interpolation=cv2.INTER_AREA)
    assert codes(scene) == []
    blurred = cv2.GaussianBlur(textured(size=(480, 640)), (0, 0), 9)
    assert codes(cv2.resize(blurred, size[::-1], interpolation=cv2.INTER_LINEAR)) == ["blurred"]


def test_a_camera_like_scene_of_the_other_tests_is_inspectable():
    """The striped test scene of the stream servers passes, so that their tests test what they mean."""
    assert codes(moving_picture((640, 480), 3)) in ([], ["motion_blur"])


def test_real_close_ups_pass_and_their_darkened_copies_do_not(shared):
    """Of 60 photographs of surfaces at most three are refused; at an eighth of the light all are."""
    with (shared / "data" / "labels.csv").open(encoding="utf-8") as file:
        files = [row["file"] for row in csv.DictReader(file) if row["set"] == "surfaces"]
    drawn = random.Random(8).sample(files, 60)  # noqa: S311  # drawing pictures is no cryptography
    pictures = [read_picture(shared / "data" / name) for name in drawn]
    assert sum(bool(codes(picture)) for picture in pictures) <= 3
    assert all(codes(picture // 8)[0] == "dark" for picture in pictures)


def test_the_quick_look_changes_nothing_for_photographs(shared):
    """Photographs and their blurred copies get the reasons that measuring every line gives them."""
    files = sorted((shared / "data" / "surfaces").rglob("*.jpg"))
    pictures = [read_picture(name) for name in random.Random(5).sample(files, 15)]  # noqa: S311
    blurred = [cv2.GaussianBlur(picture, (0, 0), sigma) for picture in pictures for sigma in (1, 3)]
    found = set()
    for picture in [*pictures, *blurred, *(cv2.blur(picture, (15, 1)) for picture in pictures)]:
        sharpness = measure_sharpness(to_grey(picture))
        is_blurred = sharpness.overall < 11.0 or sharpness.along < 5.0
        assert bool(codes(picture, SHARPNESS_ONLY)) == is_blurred
        found.add(is_blurred)
    assert found == {False, True}


@pytest.fixture(scope="module")
def frames():
    """A few frames of the demonstration's rendered plates."""
    return list(iter_video(CLIP))[::60]


def jpeg(pixels, quality, sampling):
    """Return the picture after JPEG coding."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    return cv2.imdecode(cv2.imencode(".jpg", pixels, options)[1], cv2.IMREAD_COLOR)


def grey(pixels):
    """Return the picture without its colour, with three channels."""
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


@pytest.mark.parametrize(
    "sampling", [cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
)
@pytest.mark.parametrize("quality", [60, 80, 95])
@pytest.mark.parametrize("cast", [(0, 0, 0), (4, 0, -3), (0, 5, 0)])
def test_a_picture_without_colour_is_told_from_one_with_little(frames, quality, sampling, cast):
    """Grey frames, also under a camera's constant cast, are without colour; frames of plates never are."""
    for pixels in frames:
        assert has_colour(jpeg(pixels, quality, sampling))
        tinted = np.clip(grey(pixels).astype(int) + cast, 0, 255).astype(np.uint8)
        assert not has_colour(jpeg(tinted, quality, sampling))


def test_colour_photographs_are_not_taken_for_colourless(shared):
    """Of photographs of surfaces and aircraft, none but those that are grey in every pixel."""
    with (shared / "data" / "labels.csv").open(encoding="utf-8") as file:
        files = [row["file"] for row in csv.DictReader(file) if row["set"] in {"surfaces", "aircraft"}]
    pictures = [read_picture(shared / "data" / name) for name in random.Random(2).sample(files, 200)]  # noqa: S311
    refused = [pixels for pixels in pictures if not has_colour(pixels)]
    assert all(np.array_equal(pixels, grey(pixels)) for pixels in refused)
    assert len(refused) < len(pictures) / 10


def test_a_spot_of_rust_on_grey_metal_is_colour(frames):
    """A grey picture with a coloured spot of a hundredth of its area has colour; a hot pixel is none."""
    pixels = grey(frames[0])
    pixels[10, 10] = (0, 0, 255)
    assert [reason.code for reason in find_colourless(pixels)] == ["colourless"]
    pixels[200:248, 300:364] = pixels[200:248, 300:364] // 2 + np.array([10, 40, 110], np.uint8)
    assert find_colourless(pixels) == ()


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (8, 8), (3000, 4000)])
def test_the_search_for_colour_takes_any_size(size):
    """From one pixel to twelve million."""
    assert not has_colour(np.full((*size, 3), 90, np.uint8))
    assert has_colour(np.full((*size, 3), (30, 60, 120), np.uint8))


def test_a_dark_picture_hints_at_a_camera_of_few_bits():
    """If nothing is above a quarter of the scale, values of 10 to 14 bits in 16 may be the cause."""
    (low,), (dim,) = inspect(textured() // 16, Thresholds()), inspect(textured() // 3, OFF_BUT_DARK)
    assert "10 to 14 bits" in low.text
    assert "bits" not in dim.text


OFF_BUT_DARK = Thresholds(dark_below=200, glare_above=1, contrast_below=0, sharpness_below=0, motion_below=0)
