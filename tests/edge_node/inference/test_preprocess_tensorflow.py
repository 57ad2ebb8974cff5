"""The node's preprocessing against TensorFlow's own, on the same pictures."""

from __future__ import annotations

import numpy as np
import pytest

from edge_node.inference.manifest import Resize
from edge_node.inference.preprocess import resize


@pytest.mark.parametrize("size", [(480, 640), (224, 224), (97, 1031), (3, 5), (1500, 2000)])
@pytest.mark.parametrize("target", [128, 224, 299])
def test_the_old_bilinear_resize_is_tensorflows(size, target):
    """For shrinking, growing and odd sizes no value differs by more than a rounding of float32."""
    tf = pytest.importorskip("tensorflow")
    picture = np.random.default_rng(7).integers(0, 256, (*size, 3), dtype=np.uint8)
    theirs = tf.compat.v1.image.resize_bilinear(picture[np.newaxis].astype(np.float32), [target, target])[0]
    ours = resize(picture, target, target, Resize.BILINEAR_TF1, real=True)
    assert np.abs(ours - theirs.numpy()).max() < 2e-2  # of 255; 2000-pixel coordinates in float32
