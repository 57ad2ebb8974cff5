"""Compute layers that are trained in a form whose gradients are cheaper than those of Keras's own layers.

The statistics of batch normalization do not change while layers are fine-tuned. So its factor goes into the
kernel of the convolution before it, and the activations, a hundred times as many as the weights, are not
scaled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.tensorflow_import import tensorflow
from converter.training.steps.fine_tuning import input_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# oneDNN has no fast filter gradient of larger depthwise kernels: TensorFlow's own takes half of its time.
_FAST_DEPTHWISE_PX = 3


def make_trained_pass(upper: Any) -> Callable[[Any], Any]:
    """Return a function that computes what the layers above a cut do outside of training, but for rounding.

    Args:
        upper: Keras model of one input and one output, as ``fine_tuning.cut_before`` makes it.
    """
    layers = [one for one in upper.operations if type(one).__name__ != "InputLayer"]
    normalizations = {
        layer.name: after
        for layer in layers
        if (after := _find_normalization(layer, [one for one in layers if layer.name in input_names(one)]))
    }
    skipped = {after.name for after in normalizations.values()}

    def compute(inputs: Any) -> Any:
        found: dict[str, Any] = {}
        value = inputs
        for layer in layers:
            values = [found.get(name, inputs) for name in input_names(layer)]
            if layer.name in normalizations:
                value = _convolve(layer, normalizations[layer.name], values[0])
            elif layer.name in skipped:
                value = values[0]
            else:
                value = layer(values if len(values) > 1 else values[0], training=False)
            found[layer.name] = value
        return value

    return compute


def _find_normalization(layer: Any, consumers: Sequence[Any]) -> Any | None:
    """Return the batch normalization that can be computed with a convolution, None where there is none."""
    if type(layer).__name__ not in {"Conv2D", "DepthwiseConv2D"} or len(consumers) != 1:
        return None
    plain = not layer.use_bias and layer.activation.__name__ == "linear" and max(layer.dilation_rate) == 1
    last = layer.data_format == "channels_last" and getattr(layer, "groups", 1) == 1
    after = consumers[0]
    normalizes = type(after).__name__ == "BatchNormalization" and after.axis in {-1, 3}
    return after if plain and last and normalizes else None


def _convolve(layer: Any, normalization: Any, inputs: Any) -> Any:
    """Return what a convolution and its normalization make of activations."""
    tf = tensorflow()

    factor = tf.math.rsqrt(tf.convert_to_tensor(normalization.moving_variance) + normalization.epsilon)
    if normalization.scale:
        factor *= tf.convert_to_tensor(normalization.gamma)
    bias = -tf.convert_to_tensor(normalization.moving_mean) * factor
    if normalization.center:
        bias += tf.convert_to_tensor(normalization.beta)
    kernel = tf.convert_to_tensor(layer.kernel)
    strides, padding = [1, *layer.strides, 1], layer.padding.upper()
    if type(layer).__name__ == "Conv2D":
        return tf.nn.bias_add(tf.nn.conv2d(inputs, kernel * factor, strides, padding), bias)
    kernel *= tf.reshape(factor, kernel.shape[2:])
    is_large = max(kernel.shape[:2]) > _FAST_DEPTHWISE_PX and padding == "SAME"
    convolved = (
        _convolve_large_depthwise(inputs, kernel, strides)
        if is_large
        else tf.nn.depthwise_conv2d(inputs, kernel, strides, padding)
    )
    return tf.nn.bias_add(convolved, bias)


def _convolve_large_depthwise(inputs: Any, kernel: Any, strides: list[int]) -> Any:
    """Return a depthwise convolution, padded to the same size, whose filter gradient TensorFlow computes.

    oneDNN takes over that gradient unless its padding is given in numbers.
    """
    tf = tensorflow()

    paddings = [0, 0]
    for axis in (1, 2):
        size, stride = inputs.shape[axis], strides[axis]
        total = max((-(-size // stride) - 1) * stride + kernel.shape[axis - 1] - size, 0)
        paddings += [total // 2, total - total // 2]

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def convolve(values: Any, weights: Any) -> tuple[Any, Callable[[Any], tuple[Any, Any]]]:
        def gradient(upstream: Any) -> tuple[Any, Any]:
            of_values = tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
                input_sizes=tf.shape(values),
                filter=weights,
                out_backprop=upstream,
                strides=strides,
                padding="SAME",
            )
            of_weights = tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
                input=values,
                filter_sizes=weights.shape,
                out_backprop=upstream,
                strides=strides,
                padding="EXPLICIT",
                explicit_paddings=[*paddings, 0, 0],
            )
            return of_values, of_weights

        return tf.nn.depthwise_conv2d(values, weights, strides, "SAME"), gradient

    return convolve(inputs, kernel)
