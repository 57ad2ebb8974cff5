"""Change a GraphDef in place: add a constant, let readers of one node read another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from numpy.typing import NDArray


def add_constant(graph_def: Any, name: str, value: NDArray[Any]) -> str:
    """Add a constant and return its name."""
    node = graph_def.node.add()
    node.name, node.op = name, "Const"
    node.attr["dtype"].type = tensorflow().dtypes.as_dtype(value.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tensorflow().make_tensor_proto(value))
    return name


def redirect_readers(graph_def: Any, old: str, new: str) -> None:
    """Let every node that reads the first output of ``old`` read ``new``, a node that is added later."""
    for node in graph_def.node:
        for at, text in enumerate(node.input):
            if text in {old, f"{old}:0"}:
                node.input[at] = new
