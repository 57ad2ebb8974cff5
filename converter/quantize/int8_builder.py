"""Calibrate a float model once; derive int8 models from it in about a second each.

The accuracy budget tries one set of float layers after another, and only the last step depends on which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from converter.progress import part_of
from converter.quantize.activations import measure_activations
from converter.quantize.convolutions import read_convolutions
from converter.quantize.request import CALIBRATED_NAME, EXACT_NAME, Mode, Target
from converter.quantize.round_weights import round_weights
from converter.quantize.tflite_converter import make_converter, scale_pictures
from converter.tensorflow_import import tensorflow
from converter.tflite.tflite_file import (
    WEIGHTED,
    copy_layer,
    encode_model,
    parse_model,
    read_operators,
    set_range,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from converter.quantize.activations import Activations
    from converter.quantize.request import ConversionRequest
    from converter.tflite.tflite_file import Operator

    # From a float model to one that computes the same and loses less in 8 bits; it reports
    # the share of its work that is done.
    Step = Callable[[bytes, Activations, Callable[[float], None]], bytes]

# Applied to the float model, in this order. A step stands here as long as the ablation shows that it pays
# (``tests/benchmarks/ablation.py``).
STEPS: tuple[Step, ...] = (round_weights,)


# When the run over the pictures and the steps end, as shares of the time: MobileNet v1.
_SHARES = (0.2, 0.8, 0.95)


@dataclass(frozen=True, slots=True)
class CalibratedModel:
    """The source of all int8 models of one graph.

    Attributes:
        model: ``.tflite`` in float32, weights on the grid of 8 bits, with the range of every tensor.
        exact: the same operators in the same order, with their exact weights.
    """

    model: bytes
    exact: bytes


def calibrate_model(
    work: Path, request: ConversionRequest, report: Callable[[float], None] = lambda _share: None
) -> CalibratedModel:
    """Return the calibrated model that an earlier request left in the folder, or make it and leave it there.

    Args:
        work: folder of the request: its graph and calibration pictures.
        request: its float layers do not matter here.
        report: called with the share of a conversion that is done, 0 to 1.
    """
    model = work / CALIBRATED_NAME
    if not model.exists():
        model.write_bytes(_calibrate(work, request, report))
    return CalibratedModel(model.read_bytes(), convert_exact(work, request))


def convert_exact(work: Path, request: ConversionRequest) -> bytes:
    """Return the float32 model that an earlier request left in the folder, or make it and leave it there."""
    file = work / EXACT_NAME
    if not file.exists():
        in_float = msgspec.structs.replace(request, mode=Mode.NONE, float_nodes=())
        file.write_bytes(make_converter(work, in_float).convert())
    return file.read_bytes()


def quantize_int8(
    source: CalibratedModel, request: ConversionRequest, float_layers: tuple[str, ...]
) -> bytes:
    """Quantize a calibrated model to int8.

    The input is uint8; where the first operator is kept in float, int8.

    Args:
        source: the model.
        request: mode and target.
        float_layers: layers that stay in float, each by its first operator's name as in ``list_layers``.
    """
    tf = tensorflow()
    from tensorflow.lite.python.convert import convert_tensor_tf_type_to_tflite_type, mlir_quantize

    model, kept, first = source.model, set[str](), False
    for at, names in enumerate(list_layers(model)):
        if names[0] in float_layers:
            # A layer in float makes no rounding error, so no correction stays after it.
            model = copy_layer(model, source.exact, at)
            kept.update(names)
            first = first or at == 0
    full = request.mode is Mode.INT8
    input_type = tf.float32 if not full else tf.int8 if first else tf.uint8
    content: Any = mlir_quantize(
        model,
        # Set only where needed: it makes the input int8 whatever `input_data_type` says.
        fully_quantize=full and first,
        inference_type=convert_tensor_tf_type_to_tflite_type(tf.int8),
        input_data_type=input_type,
        output_data_type=tf.int8 if full else tf.float32,
        denylisted_nodes=[
            operator.output for operator in read_operators(model) if _node_name(operator) in kept
        ],
        disable_per_channel_for_dense_layers=request.target is Target.TFLITE_RUNTIME_2_14,
    )
    return bytes(content)


def list_layers(model: bytes) -> tuple[tuple[str, ...], ...]:
    """Return the layers of a model, each as names of operators: one with weights, and those after it."""
    found: list[list[str]] = []
    for operator in read_operators(model):
        if operator.name in WEIGHTED:
            found.append([_node_name(operator)])
        elif found:
            found[-1].append(_node_name(operator))
    return tuple(map(tuple, found))


def pair_layers(model: bytes) -> tuple[tuple[str, ...], ...]:
    """Return pairs of layers by name: each layer that reads another one, after that one.

    A layer that reads several is paired with the last of them. One that reads none and that none reads
    stands alone.
    """
    names, pairs, layer_of = list[str](), list[tuple[str, ...]](), dict[str, int]()
    for operator in read_operators(model):
        read = max((layer_of[tensor] for tensor in operator.inputs if tensor in layer_of), default=None)
        if operator.name in WEIGHTED:
            names.append(_node_name(operator))
            layer_of[operator.output] = len(names) - 1
            if read is not None:
                pairs.append((names[read], names[-1]))
        elif read is not None:
            layer_of[operator.output] = read
    paired = {name for pair in pairs for name in pair}
    return (*pairs, *((name,) for name in names if name not in paired))


def _calibrate(work: Path, request: ConversionRequest, report: Callable[[float], None]) -> bytes:
    exact = convert_exact(work, request)
    converted, ran, rounded = _SHARES
    report(converted)
    readings = {convolution.reading for convolution in read_convolutions(parse_model(exact))}
    pictures = scale_pictures(work, request)
    activations = measure_activations(exact, pictures, readings, part_of(report, converted, ran))
    model = exact
    for at, step in enumerate(STEPS):
        first, last = (ran + (rounded - ran) * end / len(STEPS) for end in (at, at + 1))
        model = step(model, activations, part_of(report, first, last))
    tree = parse_model(model)
    for number, (lowest, highest) in activations.ranges.items():
        set_range(tree, number, lowest, highest)
    return encode_model(tree)


def _node_name(operator: Operator) -> str:
    """Return an operator's last graph node; its output's name lists all of them, the last one first."""
    return operator.output.split(";", maxsplit=1)[0]
