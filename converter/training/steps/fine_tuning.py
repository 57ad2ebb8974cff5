"""Cut a network into a frozen part, whose activations are cached, and a part that is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from converter.tensorflow_import import tensorflow
from edge_node.errors import GraphError

_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")


@dataclass(frozen=True, slots=True)
class Cut:
    """A network cut in two.

    Attributes:
        layer: last layer of the frozen part; every path runs through it.
        upper: Keras model from that layer's activations to the feature map. It shares its layers with the
            whole network, so that training it trains the network.
        convolutions: number of convolutions in ``upper``: as requested, or more where the network cannot be
            cut exactly there.
    """

    layer: str
    upper: Any
    convolutions: int


def cut_before(model: Any, convolutions: int, *, train_depthwise: bool = True) -> Cut:
    """Cut a Keras model so that at least its last ``convolutions`` convolutions are above the cut.

    The layers above are trainable, depthwise convolutions only if ``train_depthwise``.

    Raises:
        GraphError: it has fewer.
    """
    layers = _layers_in_order(model)
    counts = [
        sum(type(layer).__name__ in _CONVOLUTIONS for layer in layers[i + 1 :]) for i in range(len(layers))
    ]
    for index in range(len(layers) - 1, -1, -1):
        if counts[index] >= convolutions and _every_path_runs_through(layers, index):
            upper = _rebuild_above(layers, index)
            for layer in upper.layers:
                if type(layer).__name__ == "DepthwiseConv2D":
                    layer.trainable = train_depthwise
            return Cut(layers[index].name, upper, counts[index])
    raise GraphError(
        f"--fine-tune {convolutions}: the network has {counts[0]} convolutions that can be trained"
    )


def _layers_in_order(model: Any) -> list[Any]:
    """Return the layers in the order of computation."""
    return [operation for operation in model.operations if operation in set(model.layers)]


def input_names(layer: Any) -> list[str]:
    """Return the names of the layers that a layer takes its inputs from."""
    inputs = layer.input if isinstance(layer.input, (list, tuple)) else [layer.input]
    return [tensor._keras_history.operation.name for tensor in inputs]  # noqa: SLF001  # Keras has no other way


def _every_path_runs_through(layers: list[Any], index: int) -> bool:
    """Return whether nothing above ``layers[index]`` takes an input from below it."""
    below = {layer.name for layer in layers[:index]}
    return not any(below & set(input_names(layer)) for layer in layers[index + 1 :])


def _rebuild_above(layers: list[Any], index: int) -> Any:
    """Return a Keras model of the layers above ``layers[index]``."""
    tf = tensorflow()

    start = tf.keras.Input(tuple(layers[index].output.shape[1:]))
    outputs = {layers[index].name: start}
    for layer in layers[index + 1 :]:
        inputs = [outputs[name] for name in input_names(layer)]
        outputs[layer.name] = layer(inputs if len(inputs) > 1 else inputs[0])
    return tf.keras.Model(start, outputs[layers[-1].name])
