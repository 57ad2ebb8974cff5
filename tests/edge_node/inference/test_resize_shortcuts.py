"""Shortcuts are exact where they claim to be, and are used only where that was found on this machine."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_node.inference.resize_shortcuts import (
    CHECKED_AT,
    ProvedResize,
    make_area_shortcut,
    make_remap_shortcut,
)

SIZE = (60, 80)


def halved(pixels):
    """Return every second pixel of every second line, slowly."""
    return np.array([list(line[::2]) for line in pixels[::2]], np.uint8)


def halved_quickly(pixels):
    """Return the same at once."""
    return pixels[::2, ::2].copy()


def halved_wrongly(pixels):
    """Return the same, but for one value."""
    found = halved_quickly(pixels)
    found[7, 9, 2] ^= 1
    return found


def frame(seed=0, size=SIZE):
    """Return random pixels."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


def test_an_equal_and_quicker_way_is_taken():
    """From the picture on at which it is checked, and not before."""
    taken = []

    def shortcut(pixels):
        taken.append(pixels)
        return halved_quickly(pixels)

    resize = ProvedResize(SIZE, halved, shortcut)
    for seed in range(CHECKED_AT - 1):
        resize(frame(seed))
    assert not taken
    found = resize(frame(99))
    assert np.array_equal(taken[-1], frame(99))
    np.testing.assert_array_equal(found, halved(frame(99)))


@pytest.mark.parametrize("shortcut", [halved_wrongly, halved, None])
def test_what_differs_or_is_no_quicker_is_not_taken(shortcut):
    """A single value off, or more time for the same: the known way goes on."""
    known = halved if shortcut is not halved else halved_quickly
    resize = ProvedResize(SIZE, known, shortcut)
    assert not resize.check()
    np.testing.assert_array_equal(resize(frame()), halved(frame()))


@pytest.mark.parametrize(
    ("source", "target"),
    [((480, 640), (240, 240)), ((960, 1280), (240, 240)), ((240, 320), (240, 240)), ((288, 352), (72, 264))],
)
def test_the_area_shortcut_is_exact(source, target):
    """Random pictures, and those of only black and white, in which sums halfway between bytes abound."""
    shortcut = make_area_shortcut(source, target)
    for pixels in (frame(3, source), frame(4, source) // 128 * 255, frame(5, source) // 128):
        wanted = cv2.resize(pixels, target[::-1], interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(shortcut(pixels), wanted)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((480, 640), (224, 224)),
        ((480, 640), (240, 320)),
        ((720, 1280), (240, 240)),
        ((1024, 1024), (240, 240)),
    ],
)
def test_no_area_shortcut_where_it_could_not_be_exact_or_quick(source, target):
    """Weights that float32 cannot hold, ratios that OpenCV is quick at, lines to be split."""
    assert make_area_shortcut(source, target) is None


def test_a_result_stays_as_it_is_when_the_next_one_is_made():
    """A prepared frame waits while the next is prepared."""
    shortcut = make_area_shortcut((480, 640), (240, 240))
    first = shortcut(frame(1, (480, 640)))
    kept = first.copy()
    shortcut(frame(2, (480, 640)))
    np.testing.assert_array_equal(first, kept)


def test_the_remap_reads_the_positions_it_is_given():
    """Whole positions copy pixels; beyond the last line or column the last is repeated."""
    pixels = frame(6, (4, 6))
    down, across = np.array([0, 3, 3.5], np.float32), np.array([1, 5, 5.75], np.float32)
    found = make_remap_shortcut(down, across)(pixels)
    np.testing.assert_array_equal(found, pixels[np.ix_([0, 3, 3], [1, 5, 5])])
