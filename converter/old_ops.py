"""Graphs of every age -> one that today's TensorFlow imports: old ops folded, one plain input."""

from __future__ import annotations

from typing import Any

from converter.graph_index import GraphIndex, Ref
from converter.tensorflow_import import tensorflow

# Removed from GraphDef version 9 on; folding them into the convolutions before needs no import.
_REMOVED_OPS = frozenset({"BatchNormWithGlobalNormalization"})


def modernised(graph_def: Any, input_name: str, output_name: str, shape: tuple[int, int, int, int]) -> Any:
    """Return the part of a graph between input and output, with ops that today's TensorFlow knows.

    Args:
        graph_def: a frozen GraphDef; not changed.
        input_name: this node becomes a float32 placeholder of ``shape``, whatever it was.
        output_name: the last node that is kept.
        shape: ``(1, height, width, 3)``.
    """
    part = _between(graph_def, input_name, output_name, shape)
    if any(node.op in _REMOVED_OPS for node in part.node):
        part = _folded(part, input_name, output_name)
        part = _between(part, input_name, output_name, shape)
    part.versions.CopyFrom(tensorflow().Graph().as_graph_def().versions)
    return part


def _between(graph_def: Any, input_name: str, output_name: str, shape: tuple[int, int, int, int]) -> Any:
    index = GraphIndex(graph_def)
    part = tensorflow().compat.v1.GraphDef()
    for name in index.upstream([Ref(output_name)], stop=[input_name]):
        node = part.node.add()
        if name == input_name:
            _set_placeholder(node, name, shape)
            continue
        node.CopyFrom(index.nodes[name])
        kept = [text for text in node.input if not text.startswith("^")]
        del node.input[:]
        node.input.extend(kept)
    part.library.CopyFrom(graph_def.library)
    return part


def _set_placeholder(node: Any, name: str, shape: tuple[int, int, int, int]) -> None:
    node.name, node.op = name, "Placeholder"
    node.attr["dtype"].type = tensorflow().float32.as_datatype_enum
    for size in shape:
        node.attr["shape"].shape.dim.add().size = size


def _folded(part: Any, input_name: str, output_name: str) -> Any:
    """Fold old batch normalisation into the convolutions before it, with TensorFlow's own tool."""
    tensorflow()
    from tensorflow.python.tools.optimize_for_inference_lib import optimize_for_inference

    return optimize_for_inference(
        part, [input_name], [output_name], tensorflow().float32.as_datatype_enum, toco_compatible=True
    )
