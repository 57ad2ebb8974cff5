"""The form in which layers are trained: what Keras computes, and its gradients."""

from __future__ import annotations

import numpy as np

from converter.architectures.backbones import load_backbone
from converter.training.steps.fine_tuning import cut_before
from converter.training.steps.trained_pass import make_trained_pass


def test_the_pass_is_keras_own_with_its_gradients():
    """Folded normalizations, depthwise kernels of 5 with stride 1 and 2 and shortcuts give the same."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    model = load_backbone("efficientnet_lite0", weights="random", size_px=32).model
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.set_weights([random.uniform(0.5, 1.5, weights.shape) for weights in layer.get_weights()])
    upper = cut_before(model, 22).upper
    inputs = tf.constant(random.uniform(0, 1, (2, *upper.input_shape[1:])), tf.float32)

    def run(compute):
        with tf.GradientTape() as tape:
            maps = compute(inputs)
            loss = tf.reduce_mean(tf.sin(maps))
        return [maps, *tape.gradient(loss, upper.trainable_variables)]

    wanted = run(lambda values: upper(values, training=False))
    found = run(make_trained_pass(upper))
    assert len(found) == len(wanted) > 60
    for one, other in zip(found, wanted, strict=True):
        largest = float(np.abs(other).max())
        assert largest > 0
        np.testing.assert_allclose(one, other, atol=1e-4 * largest)
