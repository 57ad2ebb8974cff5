"""EfficientNet-Lite is built in its published sizes."""

from __future__ import annotations

import numpy as np
import pytest

from converter.architectures import efficientnet_lite


@pytest.mark.parametrize(
    ("width", "depth", "blocks", "parameters"),
    # Published sizes with classifier: 4.65, 5.42 and 6.09 million; the classifier has 1,281,000.
    [(1.0, 1.0, 16, 4.65e6), (1.0, 1.1, 21, 5.42e6), (1.1, 1.2, 21, 6.09e6)],
)
def test_lite_has_the_published_size(width, depth, blocks, parameters):
    """Each member of the family has the published number of parameters."""
    scaling = efficientnet_lite.Scaling(width, depth)
    assert len(efficientnet_lite.list_blocks(scaling)) == blocks
    model = efficientnet_lite.build(scaling, 64)
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert trainable + 1_281_000 == pytest.approx(parameters, rel=0.003)
