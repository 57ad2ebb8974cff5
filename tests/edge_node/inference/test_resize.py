"""Resizing: hand-computed pictures, TensorFlow's own, and the same bytes whichever way was chosen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_node.camera.picture import read_picture
from edge_node.inference.manifest import Resize
from edge_node.inference.resize import resize
from edge_node.inference.resize_shortcuts import CHECKED_AT


def test_the_old_tensorflow_resize_has_its_corner_at_zero():
    """Four pixels to two take pixels 0 and 2; two to four interpolate and then repeat the last."""
    row = np.repeat(np.array([[0, 10, 20, 30]], np.uint8)[..., np.newaxis], 3, axis=2)
    assert resize(row, 1, 2, Resize.BILINEAR_TF1)[0, :, 0].tolist() == [0, 20]
    row = np.repeat(np.array([[0, 100]], np.uint8)[..., np.newaxis], 3, axis=2)
    assert resize(row, 1, 4, Resize.BILINEAR_TF1)[0, :, 0].tolist() == [0, 50, 100, 100]


@pytest.mark.parametrize("size", [(480, 640), (224, 224), (97, 1031), (3, 5), (1500, 2000)])
@pytest.mark.parametrize("target", [128, 224, 299])
def test_the_old_bilinear_resize_is_tensorflows(size, target):
    """For shrinking, growing and odd sizes no value differs by more than a rounding of float32."""
    tf = pytest.importorskip("tensorflow")
    picture = np.random.default_rng(7).integers(0, 256, (*size, 3), dtype=np.uint8)
    theirs = tf.compat.v1.image.resize_bilinear(picture[np.newaxis].astype(np.float32), [target, target])[0]
    ours = resize(picture, target, target, Resize.BILINEAR_TF1, real=True)
    assert np.abs(ours - theirs.numpy()).max() < 2e-2  # of 255; 2000-pixel coordinates in float32


@pytest.mark.parametrize("rule", [Resize.AREA, Resize.BILINEAR_TF1])
@pytest.mark.parametrize(("size", "target"), [((480, 640), 240), ((480, 640), 224), ((720, 1280), 224)])
def test_photographs_give_the_same_bytes_all_along(shared, rule, size, target):
    """From the first frame to the one after a quicker way was found, and as the rule says."""
    files = sorted((shared / "data" / "surfaces").rglob("*.jpg"))[::300][:5]
    pictures = [cv2.resize(read_picture(name), size[::-1]) for name in files]
    before = [resize(picture, target, target, rule) for picture in pictures]
    for _ in range(CHECKED_AT):
        resize(pictures[0], target, target, rule)
    after = [resize(picture, target, target, rule) for picture in pictures]
    for picture, first, last in zip(pictures, before, after, strict=True):
        if rule is Resize.AREA:
            wanted = cv2.resize(picture, (target, target), interpolation=cv2.INTER_AREA)
        else:
            wanted = np.rint(resize(picture, target, target, rule, real=True)).astype(np.uint8)
        np.testing.assert_array_equal(first, wanted)
        np.testing.assert_array_equal(last, wanted)


def test_a_part_of_a_picture_is_resized_as_its_copy():
    """Tiles are views into the frame; the quicker way takes them too."""
    frame = np.random.default_rng(2).integers(0, 256, (960, 1280, 3), np.uint8)
    tile = frame[100:580, 200:840]
    found = [resize(tile, 240, 240, Resize.AREA) for _ in range(CHECKED_AT + 1)]
    wanted = cv2.resize(np.ascontiguousarray(tile), (240, 240), interpolation=cv2.INTER_AREA)
    assert all(np.array_equal(one, wanted) for one in (found[0], found[-1]))
