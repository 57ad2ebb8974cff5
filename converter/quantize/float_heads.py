"""Restore the heads of a dynamic model to the float32 weights that they were trained to.

A dynamic model has one scale for all weights of a label, which is too coarse where they are of all sizes. It
computes in float between operators, so a head in float costs nothing but three bytes a weight: a thousandth
of the backbone's size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.tflite.tflite_file import encode_model, list_weighted_operators, parse_model

if TYPE_CHECKING:
    from collections.abc import Callable


def restore_float_heads(content: bytes, convert_exact: Callable[[], bytes]) -> bytes:
    """Return a dynamic model whose last operators have weights in float32.

    Args:
        content: a ``.tflite`` file.
        convert_exact: returns a model of the same graph with all weights in float32; called only if needed.
    """
    model = parse_model(content)
    graph = model.subgraphs[0]
    outputs = {int(output) for output in graph.outputs}
    heads = [
        (operator, read.output)
        for operator, read in list_weighted_operators(model)
        if int(operator.outputs[0]) in outputs and read.weights_type != "FLOAT32"
    ]
    if not heads:
        return content
    exact = parse_model(convert_exact())
    origins = {read.output: operator for operator, read in list_weighted_operators(exact)}
    for operator, name in heads:
        weights = graph.tensors[operator.inputs[1]]
        origin = exact.subgraphs[0].tensors[origins[name].inputs[1]]
        weights.type, weights.quantization = origin.type, origin.quantization
        model.buffers[weights.buffer].data = exact.buffers[origin.buffer].data
    return encode_model(model)
