"""The part of a network that is trained along, cut off the rest."""

from __future__ import annotations

import numpy as np
import pytest

from converter.architectures.backbones import load_backbone
from converter.training.steps.fine_tuning import cut_before
from edge_node.errors import GraphError
from tests.support.plates import SIZE_PX


def test_the_cut_leaves_the_network_as_it_is():
    """The frozen part and the part above compute together what the whole does, branches included."""
    import tensorflow as tf

    model = load_backbone("mobilenet_v2", weights="random", size_px=SIZE_PX).model
    pictures = np.random.default_rng(0).normal(size=(2, SIZE_PX, SIZE_PX, 3)).astype(np.float32)
    for count in (1, 7, 20):
        cut = cut_before(model, count)
        lower = tf.keras.Model(model.input, model.get_layer(cut.layer).output)
        np.testing.assert_allclose(
            np.asarray(cut.upper(lower(pictures))), np.asarray(model(pictures)), atol=1e-4
        )
        assert count <= cut.convolutions < count + 4
    with pytest.raises(GraphError, match="--fine-tune 99: the network has"):
        cut_before(model, 99)
