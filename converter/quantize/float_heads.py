"""Heads of a dynamic model with the weights that they were trained to, in float32.

A dynamic model has one scale for all weights of a label, and its features are not balanced to them: no
pictures are at hand that would say how (see ``balance_heads``). Its numbers are float between
operators anyhow, so a head in float costs nothing but three bytes a weight: a thousandth of a backbone's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.quantize.tflite_file import encode_model, parse_model, weighted_operators

if TYPE_CHECKING:
    from collections.abc import Callable


def with_float_heads(content: bytes, exact: Callable[[], bytes]) -> bytes:
    """Return a dynamic model whose last operators have weights in float32.

    Args:
        content: a ``.tflite`` file.
        exact: returns one of the same graph with all weights in float32; called only where it is needed.
    """
    model = parse_model(content)
    graph = model.subgraphs[0]
    outputs = {int(output) for output in graph.outputs}
    heads = [
        (operator, read.output)
        for operator, read in weighted_operators(model)
        if int(operator.outputs[0]) in outputs and read.weights_type != "FLOAT32"
    ]
    if not heads:
        return content
    source = parse_model(exact())
    origins = {read.output: operator for operator, read in weighted_operators(source)}
    for operator, name in heads:
        weights = graph.tensors[operator.inputs[1]]
        origin = source.subgraphs[0].tensors[origins[name].inputs[1]]
        weights.type, weights.quantization = origin.type, origin.quantization
        model.buffers[weights.buffer].data = source.buffers[origin.buffer].data
    return encode_model(model)
