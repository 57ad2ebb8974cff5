"""A float model with the range of every tensor, made once, from which 8-bit models are made in a second each.

The budgets try one set of float layers after another; only the last step depends on which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from converter.quantize.balance_heads import balance
from converter.quantize.duplicate_channels import with_doubled_channels
from converter.quantize.equalize_channels import equalize
from converter.quantize.refit_heads import refit_heads
from converter.quantize.request import CALIBRATED_NAME, EXACT_NAME, GRAPH_NAME, Mode, Target
from converter.quantize.round_weights import CORRECTED, round_weights
from converter.quantize.tflite_converter import converter_of, fed_pictures, scaled_pictures
from converter.quantize.tflite_file import WEIGHTED, operators, with_layer_of
from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from converter.quantize.request import ConversionRequest
    from converter.quantize.tflite_file import Operator


@dataclass(frozen=True, slots=True)
class CalibratedModel:
    """What every 8-bit model of one graph is made from.

    Attributes:
        model: ``.tflite`` in float32, weights on the grid of 8 bits, with the range of every tensor.
        exact: the same operators in the same order, with their exact weights.
    """

    model: bytes
    exact: bytes


def calibrate_model(work: Path, request: ConversionRequest) -> CalibratedModel:
    """Return what lies in the folder from an earlier request, or make it and leave it there."""
    model, exact = work / CALIBRATED_NAME, work / EXACT_NAME
    if not model.exists():
        made = _made(work, msgspec.structs.replace(request, float_nodes=()))
        exact.write_bytes(made.exact)
        model.write_bytes(made.model)
    return CalibratedModel(model.read_bytes(), exact.read_bytes())


def layers(model: bytes) -> tuple[tuple[str, ...], ...]:
    """Return the layers of a model, each as names of operators: one with weights, and what follows it."""
    found: list[list[str]] = []
    for operator in operators(model):
        if operator.name in WEIGHTED:
            found.append([_name(operator)])
        elif found:
            found[-1].append(_name(operator))
    return tuple(map(tuple, found))


def layer_pairs(model: bytes) -> tuple[tuple[str, ...], ...]:
    """Return the names of layers two by two: each that reads another one, behind that (of several the last).

    One that reads none and that none reads stands alone.
    """
    names, pairs, made_in = list[str](), list[tuple[str, ...]](), dict[str, int]()
    for operator in operators(model):
        read = max((made_in[tensor] for tensor in operator.inputs if tensor in made_in), default=None)
        if operator.name in WEIGHTED:
            names.append(_name(operator))
            made_in[operator.output] = len(names) - 1
            if read is not None:
                pairs.append((names[read], names[-1]))
        elif read is not None:
            made_in[operator.output] = read
    paired = {name for pair in pairs for name in pair}
    return (*pairs, *((name,) for name in names if name not in paired))


def quantize_int8(
    work: Path, source: CalibratedModel, request: ConversionRequest, float_layers: tuple[str, ...]
) -> bytes:
    """Return a model in int8, but for the layers whose first operators are named, its heads fitted to it.

    A picture goes in as uint8; where the first operator is kept in float, as int8.

    Args:
        work: the folder of the request, with its calibration pictures.
        source: the model.
        request: what is wanted of it.
        float_layers: names of operators, as ``layers`` gives them.
    """
    read = quantize_without_refit(source, request, float_layers)
    fitted = refit_heads(source.model, source.exact, read, lambda entry: fed_pictures(work, request, entry))
    return quantize_without_refit(CalibratedModel(fitted, source.exact), request, float_layers)


def quantize_without_refit(
    source: CalibratedModel, request: ConversionRequest, float_layers: tuple[str, ...]
) -> bytes:
    """Return what ``quantize_int8`` does, with heads as they were; the mean of their logits is off."""
    tf = tensorflow()
    from tensorflow.lite.python.convert import convert_tensor_tf_type_to_tflite_type, mlir_quantize

    model, kept, first = source.model, set[str](), False
    for at, names in enumerate(layers(model)):
        if names[0] in float_layers:
            # A layer in float makes no rounding error, so none is taken off behind it.
            model = with_layer_of(model, source.exact, at)
            kept.update(names)
            first = first or at == 0
    full = request.mode is Mode.INT8
    picture = tf.float32 if not full else tf.int8 if first else tf.uint8
    content: Any = mlir_quantize(
        model,
        # Said only where needed: it makes the picture int8 whatever is asked for.
        fully_quantize=full and first,
        inference_type=convert_tensor_tf_type_to_tflite_type(tf.int8),
        input_data_type=picture,
        output_data_type=tf.int8 if full else tf.float32,
        denylisted_nodes=[operator.output for operator in operators(model) if _name(operator) in kept],
        disable_per_channel_for_dense_layers=request.target is Target.TFLITE_RUNTIME_2_14,
    )
    return bytes(content)


def balance_in(work: Path, request: ConversionRequest) -> None:
    """Balance the features in the graph in the folder to the heads that read them."""
    tensors = scaled_pictures(work, request)
    _replace_graph(work, lambda graph: balance(graph, request.input, request.outputs, tensors))


def _made(work: Path, request: ConversionRequest) -> CalibratedModel:
    tensors = scaled_pictures(work, request)
    _replace_graph(work, lambda graph: equalize(graph, request.input, tensors))
    balance_in(work, request)
    _replace_graph(work, lambda graph: with_doubled_channels(graph, request.input, request.outputs, tensors))
    exact = bytes(converter_of(work, msgspec.structs.replace(request, mode=Mode.NONE)).convert())
    _replace_graph(work, lambda graph: round_weights(graph, request.input, tensors))
    converter = converter_of(work, request)
    converter._experimental_calibrate_only = True  # noqa: SLF001 - as QuantizationDebugger does it
    return CalibratedModel(bytes(converter.convert()), exact)


def _replace_graph(work: Path, change: Callable[[Any], Any]) -> None:
    graph_def = tensorflow().compat.v1.GraphDef()
    graph_def.ParseFromString((work / GRAPH_NAME).read_bytes())
    (work / GRAPH_NAME).write_bytes(change(graph_def).SerializeToString())


def _name(operator: Operator) -> str:
    """Return an operator's last graph node; its output's name has all of them, the last one first.

    Whether its weights were rounded before must not matter: the same operator, another conversion, one name.
    """
    return operator.output.split(";", maxsplit=1)[0].removesuffix(CORRECTED)
