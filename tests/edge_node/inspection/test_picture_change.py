"""Comparing real photographs with a camera's noise: what is new is found, noise and light are nothing new."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_node.inspection.picture_change import PictureComparison, find_region
from tests.support.scenes import SIZE_PX, Sensor, paste_rust, photographs, surface


@pytest.fixture(scope="module")
def scenes(shared):
    """Four surfaces without rust, at the camera's size and beyond."""
    clean = photographs(shared / "data", corroded=False, count=4)
    return [surface(picture, 2 * SIZE_PX[0]) for picture in clean]


@pytest.fixture(scope="module")
def rust(shared):
    """Rust, close up."""
    return photographs(shared / "data", corroded=True, count=20)


def view(scene, shift_px=0.0):
    """Return the part of a scene that the camera sees after moving by ``shift_px``."""
    width, height = SIZE_PX
    return cv2.getRectSubPix(scene, SIZE_PX, (width / 2 + 40 + shift_px, height / 2))


class Stream:
    """A stream of one camera, compared with its first frame."""

    def __init__(self, picture, sensor=None, frames=24, light=lambda _number: 1.0):
        self.sensor = sensor or Sensor()
        self.comparison = PictureComparison()
        self.new = []
        for number in range(frames):
            signed = self.comparison.sign(self.sensor.see(picture, light(number)))
            self.comparison.learn(signed)
            if number == 0 or self.comparison.is_new(signed, self.reference):
                self.reference = signed
                self.new.append(number)

    def sees_change(self, picture, light=1.0):
        """Return whether the next frame shows something new."""
        return self.comparison.is_new(self.comparison.sign(self.sensor.see(picture, light)), self.reference)


def bands(number):
    """Return the light of each line under a lamp of 50 Hz, at 30 frames/s with a rolling shutter."""
    lines = np.arange(SIZE_PX[1])[:, np.newaxis, np.newaxis]
    return (1 + 0.03 * np.sin(2 * np.pi * (lines / 320 + number * 100 / 30))).astype(np.float32)


@pytest.mark.parametrize(("noise_levels", "quality", "most_new"), [(4.0, 80, 1), (8.0, 50, 5), (6.0, 30, 5)])
def test_noise_is_nothing_new_once_it_is_learned(scenes, noise_levels, quality, most_new):
    """A still scene is judged once; before a strong noise is learned, a few times."""
    for scene in scenes[:2]:
        assert len(Stream(view(scene), Sensor(noise_levels, quality)).new) <= most_new


def test_flicker_and_exposure_are_nothing_new(scenes):
    """Bands of a flickering lamp and a picture that gets a little brighter are not judged again."""
    for light in (bands, lambda number: 1 + 0.002 * number):
        assert len(Stream(view(scenes[0]), light=light).new) <= 2


@pytest.mark.parametrize(("share", "wanted"), [(0.03, 20), (0.01, 20)])
def test_a_patch_of_rust_is_new(scenes, rust, share, wanted):
    """Real rust, softly pasted on real metal, anywhere and more or less bright: 20 of 20."""
    random = np.random.default_rng(3)
    streams = [Stream(view(scene), frames=12) for scene in scenes]
    found = 0
    for number, picture in enumerate(rust):
        stream, scene = streams[number % len(scenes)], scenes[number % len(scenes)]
        found += stream.sees_change(paste_rust(view(scene), picture, share, random))
    assert (len(rust), found) == (20, wanted)


def test_a_slow_shift_adds_up(scenes):
    """Against the last judged frame, 8 pixels are new, however slowly they came."""
    for scene in scenes:
        stream = Stream(view(scene), frames=12)
        assert stream.sees_change(view(scene, 8.0))


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: (picture * 0.75).astype(np.uint8),
        lambda picture: (picture * np.linspace(1, 0.7, SIZE_PX[0])[:, np.newaxis]).astype(np.uint8),
        lambda picture: picture // 20,
        lambda picture: np.full_like(picture, 60),
        lambda picture: cv2.GaussianBlur(picture, (0, 0), 4),
        lambda picture: cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR),
    ],
    ids=["a lamp off", "a lamp off at one side", "dark", "covered", "out of focus", "infrared"],
)
def test_what_changes_whether_a_frame_can_be_judged_is_new(scenes, change):
    """A light that goes, a covered lens, a lost focus."""
    for scene in scenes:
        assert Stream(view(scene), frames=12).sees_change(change(view(scene)))


def test_motion_is_not_learned_as_noise(scenes):
    """After any time in motion, a patch and a shift are as new as before."""
    sensor, comparison = Sensor(), PictureComparison()
    for number in range(40):
        comparison.learn(comparison.sign(sensor.see(view(scenes[0], 12.0 * number))))
    before, after = (comparison.sign(sensor.see(view(scenes[0], shift))) for shift in (0.0, 8.0))
    assert comparison.is_new(after, before)


def test_fine_grain_that_passes_by_fast_is_not_learned_as_noise():
    """Blasted steel looks like noise from frame to frame when it moves; each frame of it is new."""
    width, height = SIZE_PX
    grain = np.random.default_rng(5).standard_normal((height // 4, width), np.float32) * 6
    steel = cv2.cvtColor(cv2.resize(130 + grain, (4 * width, height)), cv2.COLOR_GRAY2BGR).astype(np.uint8)
    sensor, comparison, before, new = Sensor(), PictureComparison(), None, 0
    for number in range(18):
        signed = comparison.sign(sensor.see(steel[:, 100 * number : 100 * number + width]))
        comparison.learn(signed)
        new += before is not None and comparison.is_new(signed, before)
        before = signed
    assert new == 17


def test_masked_pixels_are_nothing_new(scenes):
    """What moves where nothing counts is not seen; beside it everything is, and a small view as finely."""
    width, height = SIZE_PX
    picture = view(scenes[0])
    footprint = np.full((height // 4, width // 4), 255, np.uint8)
    footprint[:, :80] = 0
    region = find_region(footprint, width, height)
    assert (region.rows, region.columns, region.counted) == (slice(0, 480), slice(324, 640), None)
    footprint[60:90, 100:130] = 0
    region = find_region(footprint, width, height)
    comparison = PictureComparison()
    before = comparison.sign(picture, region)
    arm, spot = picture.copy(), picture.copy()
    arm[:, :320] = 0
    arm[240:360, 400:520] = 255
    spot[100:140, 560:600] = (20, 60, 140)
    assert not comparison.is_new(comparison.sign(arm, region), before)
    assert comparison.is_new(comparison.sign(spot, region), before)


def test_pictures_of_another_size_are_new():
    """Also the smallest, which have one cell."""
    comparison = PictureComparison()
    sizes = [(1, 1, 3), (5, 300, 3), (480, 640, 3)]
    signed = [comparison.sign(np.full(size, 90, np.uint8)) for size in sizes]
    for one in signed:
        comparison.learn(one)
    assert [[comparison.is_new(one, other) for one in signed] for other in signed] == [
        [False, True, True],
        [True, False, True],
        [True, True, False],
    ]


def test_tiles_are_compared_more_finely():
    """A spot that is too small for the whole picture is new where pieces of it are judged."""
    picture = np.full((960, 1280, 3), 120, np.uint8)
    spot = picture.copy()
    spot[500:510, 700:710] = (60, 90, 160)
    results = []
    for tiles in (1, 3):
        comparison = PictureComparison(tiles)
        results.append(comparison.is_new(comparison.sign(spot), comparison.sign(picture)))
    assert results == [False, True]
