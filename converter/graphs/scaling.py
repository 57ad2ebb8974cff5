"""Name what flags and architectures tell about a graph's input, and what the node does to a picture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import msgspec

from edge_node.inference.manifest import InputTensor, Resize, Triple

if TYPE_CHECKING:
    from converter.nodes.graph_index import GraphIndex
    from edge_node.inference.interpreter import Tensor

INCEPTION_2015 = "Inception v3 of 2015"
# As their own scripts name them; Keras writes the names in small letters.
_OF_TENSORFLOW_1 = (INCEPTION_2015, "InceptionV3", "InceptionV4", "InceptionResnetV2")
ColourOrder: TypeAlias = Literal["RGB", "BGR", "GREY", "RGBA", "BGRA"]
COLOUR_ORDERS: tuple[str, ...] = get_args(ColourOrder)
_KERAS_SYMMETRIC = ("mobilenet", "inception", "xception", "nasnet")  # "tf" mode of keras.applications


@dataclass(frozen=True, slots=True)
class GraphFlags:
    """Facts about a graph that the user gives with flags; None is to be found in the graph.

    ``input_mean`` and ``input_std`` are one number, or three in the order of ``input_colour_order``.
    """

    input_layer: str | None = None
    output_layer: str | None = None
    input_height: int | None = None
    input_width: int | None = None
    input_mean: float | Triple | None = None
    input_std: float | Triple | None = None
    input_colour_order: ColourOrder | None = None


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Size in pixels and scaling of a graph's input: ``(pixel - mean) / std``, in the colours' order."""

    height: int
    width: int
    mean: Triple
    std: Triple
    resize: Resize = Resize.BILINEAR_TF1
    colour_order: Literal["RGB", "BGR"] = "RGB"

    def float_input(self) -> InputTensor:
        """Return the input of the float model, as the node's preprocessing takes it."""
        return InputTensor(
            shape=(1, self.height, self.width, 3),
            dtype="float32",
            colour_order=self.colour_order,
            resize=self.resize,
            mean=self.mean,
            std=self.std,
        )

    def input_of(self, tensor: Tensor) -> InputTensor:
        """Return the input of a model with the input ``tensor``, as the manifest describes it."""
        return msgspec.structs.replace(
            self.float_input(),
            dtype=tensor.dtype,
            scale=tensor.quantization.scale,
            zero_point=tensor.quantization.zero_point,
        )


def recognise_architecture(graph: GraphIndex) -> str:
    """Return a graph's architecture in words, recognised by the names of its nodes."""
    if graph.op("Mul") == "Mul" and graph.op("DecodeJpeg") == "DecodeJpeg":
        return INCEPTION_2015
    scopes = sorted({match[0] for name in graph.nodes if (match := re.search(r"MobilenetV\d", name))})
    if scopes:
        return f"MobileNet v{scopes[0][-1]}"
    pattern = r"(?:^|/)((?:mobilenet|inception|xception|nasnet|efficientnet|resnet)[\w.]*?)(?:_\d+)?/"
    names = sorted({match[1] for name in graph.nodes if (match := re.search(pattern, name, re.IGNORECASE))})
    return names[0] if names else "unknown architecture"


def find_resize(graph: GraphIndex, architecture: str, *, is_traced: bool = False) -> Resize:
    """Return TensorFlow 1's resizing for its graphs; TensorFlow 2's for graphs with ops that it traces.

    A TFLite file ``is_traced``, whose ops tell no age; the names of TensorFlow 1's architectures stay in it.
    """
    traced = is_traced or any(node.op in {"FusedBatchNormV3", "AddV2"} for node in graph.graph_def.node)
    old = architecture in _OF_TENSORFLOW_1 or architecture.startswith("MobileNet v")
    return Resize.BILINEAR if traced and not old else Resize.BILINEAR_TF1


def look_up_mean(architecture: str) -> float | None:
    """Return the number that is both mean and std of an architecture's pixels, if it is known."""
    if architecture == INCEPTION_2015:
        return 128.0
    return 127.5 if architecture.lower().startswith(_KERAS_SYMMETRIC) else None
