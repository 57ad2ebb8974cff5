"""Pixels on their way into a source model, by TensorFlow's ops."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from converter.source_model.feed import Feed, make_batch, resize_pixels
from tests.support.entry_graphs import draw_picture

PLAIN = Feed(12, 16, "bilinear", "NHWC", "RGB", (0.0,), (1.0,))
PIXELS = draw_picture()


def feed(**changes: object) -> Feed:
    """Return a feed that differs from the plain one."""
    from dataclasses import replace

    return replace(PLAIN, **changes)


@pytest.mark.parametrize(("rule", "cv"), [("bilinear", cv2.INTER_LINEAR), ("area", cv2.INTER_AREA)])
def test_resizing_is_what_opencv_does_but_for_rounding(rule, cv):
    """Half-pixel centres and means over areas agree with OpenCV's to a grey level."""
    found = resize_pixels(PIXELS, feed(resize=rule))
    assert np.abs(found - cv2.resize(PIXELS, (16, 12), interpolation=cv)).max() <= 1.0


@pytest.mark.parametrize(("old", "new"), [((216, 288), (240, 240)), ((50, 20), (30, 24))])
def test_an_area_of_which_one_side_grows_is_what_opencv_makes_of_it(old, new):
    """Retraining resizes by OpenCV: one side smaller, one larger, and each pixel the same."""
    pixels = np.random.default_rng(0).integers(0, 256, (*old, 3), np.uint8)
    found = resize_pixels(pixels, feed(height=new[0], width=new[1], resize="area"))
    assert np.abs(found - cv2.resize(pixels, new[::-1], interpolation=cv2.INTER_AREA)).max() <= 1.0


def test_the_resize_of_tensorflow_1_has_no_half_pixels():
    """Every second pixel of a picture of twice the size, not their means."""
    found = resize_pixels(PIXELS, feed(height=12, width=12, resize="bilinear of TensorFlow 1"))
    assert np.array_equal(found, PIXELS[::2, ::2])


def test_whole_numbers_are_rounded_once_by_every_rule():
    """A graph of TensorFlow 1 that takes bytes gets a picture that was resized to bytes before."""
    fractions, rounded, kept_in_bytes = (
        resize_pixels(PIXELS, feed(height=13, resize="bilinear of TensorFlow 1", **more))
        for more in ({}, {"dtype": "uint8"}, {"takes_bytes": True})
    )
    assert not np.array_equal(fractions, np.rint(fractions))
    assert np.array_equal(rounded, np.rint(fractions))
    assert np.array_equal(kept_in_bytes, rounded)


def test_channels_and_numbers_are_as_the_model_takes_them():
    """Order, opacity, grey, layout, bytes of both signs, a repeated batch, and no batch at all."""
    resized = resize_pixels(PIXELS, PLAIN)
    assert np.array_equal(make_batch(resized, feed(channels="BGR"))[0], resized[..., ::-1])
    assert (make_batch(resized, feed(channels="RGBA"))[0, ..., 3] == 255).all()
    grey = make_batch(resized, feed(channels="GREY"))[0, ..., 0]
    assert np.allclose(grey, resized @ [0.2989, 0.587, 0.114], atol=0.1)
    assert make_batch(resized, feed(layout="NCHW", batch=3)).shape == (3, 3, 12, 16)
    assert make_batch(resized, feed(rank=3)).shape == (12, 16, 3)
    signed = make_batch(resized, feed(dtype="int8"))
    assert signed.dtype == np.int8
    assert np.array_equal(signed[0].astype(int) + 128, np.rint(resized))
    scaled = make_batch(resized, feed(mean=(1.0, 2.0, 3.0), std=(2.0,)))
    assert np.allclose(scaled[0], (resized - [1, 2, 3]) / 2)
