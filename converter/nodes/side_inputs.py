"""Set a graph's further inputs (keep_prob, is_training, batch_size) to what they are when it classifies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.nodes.graph_index import CONVOLUTIONS, GraphIndex, Ref
from converter.tensorflow_import import tensorflow
from edge_node.errors import GraphError

if TYPE_CHECKING:
    from pathlib import Path

_INPUTS = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault"})
_RANDOM = frozenset({"RandomUniform", "RandomStandardNormal", "TruncatedNormal", "StatelessRandomUniformV2"})
_LOOPS = frozenset({"While", "StatelessWhile", "Enter", "RefEnter", "LoopCond", "NextIteration"})
_VARIABLES = frozenset({"Variable", "VariableV2", "VarHandleOp"})
_BRANCHES = frozenset({"If", "StatelessIf", "Switch", "Merge"})
_CALLS = frozenset({"If", "StatelessIf", "PartitionedCall", "StatefulPartitionedCall"})
# What a dropout does with its number: one less it, divide by it, or set it against random numbers.
_DROPOUT_USES = frozenset({"Sub", "RealDiv", "Add", "AddV2", "GreaterEqual", "Greater", "Less"}) | _CALLS
_ROLES = {
    "keep": re.compile(r"keep", re.IGNORECASE),
    "batch": re.compile(r"batch", re.IGNORECASE),
    "training": re.compile(r"train|phase|learn", re.IGNORECASE),
    "drop": re.compile(r"drop|(^|_)rate", re.IGNORECASE),
    "classifying": re.compile(r"infer|predict|test|eval", re.IGNORECASE),
}
# Random numbers lie between 0 and 1; a mask that is 1 for all of these masks nothing.
_DRAWN = (0.0, 0.25, 0.5, 0.75, 0.999999)
_MAX_MASK_NODES = 40
_MAX_ENTRY_NODES = 40


def could_be_side_input(graph: GraphIndex, name: str) -> bool:
    """Return whether an input takes a single value, so that no picture can be meant."""
    attributes = graph.nodes[name].attr
    shape = attributes["shape"].shape if "shape" in attributes else None
    if shape is not None and (shape.unknown_rank or len(shape.dim) > 0):
        return [dim.size for dim in shape.dim] == [1]
    return _find_role(name) is not None


def set_side_inputs(path: Path, graph_def: Any, picture: str, output: Ref) -> Any:
    """Return the graph with every input but the picture made a constant, and what depends on it simplified.

    Args:
        path: of the graph, for messages.
        graph_def: not changed.
        picture: the node that takes the picture.
        output: of the classifier.

    Raises:
        GraphError: an input is none of these, or the graph draws random numbers or runs a loop when it
            classifies, or is not frozen.
    """
    graph = GraphIndex(graph_def)
    needed = graph.upstream([output], stop=[picture])
    inputs = [name for name in needed if name != picture and graph.op(name) in _INPUTS]
    values = {name: value for name in inputs if (value := _choose_value(path, graph, name)) is not None}
    if values or any(graph.op(name) in _BRANCHES | _RANDOM for name in needed):
        changed = tensorflow().compat.v1.GraphDef()
        changed.CopyFrom(graph_def)
        for node in changed.node:
            if node.name in values:
                _make_constant(node, values[node.name])
        graph_def = _fold_branches(changed, picture, output)
        _pass_by_dropouts(graph_def, picture, output)
    _refuse_random(path, GraphIndex(graph_def), picture, output)
    _refuse_what_is_left(path, GraphIndex(graph_def), picture, output)
    return graph_def


def _find_role(name: str) -> str | None:
    """Return what an input's own name, without its scopes, says that it switches."""
    own = name.rpartition("/")[2]
    return next((role for role, pattern in _ROLES.items() if pattern.search(own)), None)


def _choose_value(path: Path, graph: GraphIndex, name: str) -> Any:
    """Return the value of a further input when the graph classifies; None leaves its default."""
    dtype = tensorflow().dtypes.as_dtype(graph.nodes[name].attr["dtype"].type)
    role, value = _find_role(name), None
    if could_be_side_input(graph, name):
        if role in {"keep", "drop"} and dtype.is_floating:
            value = _read_dropout_value(graph, name)
        elif role == "batch" and dtype.is_integer:
            value = 1
        elif role in {"training", "classifying"}:
            value = int(role == "classifying")
    if value is not None:
        return np.array(value, dtype.as_numpy_dtype)
    if graph.op(name) == "PlaceholderWithDefault":
        return None
    raise GraphError(
        f"{path}: beside its picture the graph wants {name!r} ({dtype.name}), and nothing says what that is"
        " when it classifies; freeze the graph with its value, or name an --output-layer that does without"
    )


def _read_dropout_value(graph: GraphIndex, name: str) -> int | None:
    """Return 1 for a share that is kept, 0 for one that is dropped; None if no dropout reads it."""
    found, pending = set[str](), [name]
    while pending:
        for reader in graph.consumers(pending.pop()):
            if graph.op(reader) in {"Identity", "Cast", "Switch"}:
                pending.append(reader)
            else:
                found.add(graph.op(reader))
    if not found & _DROPOUT_USES:
        return None
    if found & _CALLS:
        return int(_find_role(name) == "keep")
    return int("GreaterEqual" not in found)  # random numbers are set against the share that is dropped


def _make_constant(node: Any, value: Any) -> None:
    dtype = node.attr["dtype"].type
    node.op = "Const"
    del node.input[:]
    node.attr.clear()
    node.attr["dtype"].type = dtype
    node.attr["value"].tensor.CopyFrom(tensorflow().make_tensor_proto(value))


def _fold_branches(graph_def: Any, picture: str, output: Ref) -> Any:
    """Return the graph with constants computed and only the branches that they choose."""
    for _ in range(2):  # the first time lays a conditional out, the second chooses its branch
        graph_def = _fold_once(graph_def, picture, output)
        index = GraphIndex(graph_def)
        if not any(index.op(name) in _BRANCHES for name in index.upstream([output], stop=[picture])):
            break
    return graph_def


def _fold_once(graph_def: Any, picture: str, output: Ref) -> Any:
    tf = tensorflow()
    from tensorflow.python.grappler import tf_optimizer

    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    meta_graph = tf.compat.v1.train.export_meta_graph(graph_def=graph_def, graph=graph)
    kept = tf.compat.v1.MetaGraphDef().collection_def["train_op"]
    entry = _list_entry(GraphIndex(graph_def), picture)  # else its arithmetic may become the first layer's
    kept.node_list.value.extend([f"{output.node}:{output.output}", *(f"{name}:0" for name in entry)])
    meta_graph.collection_def["train_op"].CopyFrom(kept)
    config = tf.compat.v1.ConfigProto()
    options = config.graph_options.rewrite_options
    options.optimizers.extend(["function", "constfold", "loop", "dependency"])
    options.min_graph_nodes = -1  # also small graphs
    return tf_optimizer.OptimizeGraph(config, meta_graph)


def _list_entry(graph: GraphIndex, picture: str) -> list[str]:
    """Return the picture's node and the chain of nodes that alone read it, up to the first layer."""
    names = [picture]
    while len(names) < _MAX_ENTRY_NODES:
        readers = graph.consumers(names[-1])
        if len(readers) != 1 or graph.op(readers[0]) in CONVOLUTIONS | _BRANCHES | _CALLS:
            break
        names.append(readers[0])
    return names


def _pass_by_dropouts(graph_def: Any, picture: str, output: Ref) -> None:
    """Let readers of a product or choice with a mask that is always 1 read what is masked instead."""
    graph = GraphIndex(graph_def)
    for name in graph.upstream([output], stop=[picture]):
        inputs = graph.inputs(name)
        if graph.op(name) in {"Select", "SelectV2"} and _is_always_one(graph, inputs[0], picture):
            kept = inputs[1]
        elif graph.op(name) == "Mul" and _is_always_one(graph, inputs[1], picture):
            kept = inputs[0]
        elif graph.op(name) == "Mul" and _is_always_one(graph, inputs[0], picture):
            kept = inputs[1]
        else:
            continue
        node = graph.nodes[name]
        dtype = node.attr["T"].type
        node.op = "Identity"
        del node.input[:]
        node.input.append(f"{kept.node}:{kept.output}" if kept.output else kept.node)
        node.attr.clear()
        node.attr["T"].type = dtype


def _is_always_one(graph: GraphIndex, mask: Ref, picture: str) -> bool:
    """Return whether a tensor that is computed of random numbers is 1 whatever they are."""
    random = [name for name in graph.nodes if graph.op(name) in _RANDOM]
    needed = graph.upstream([mask], stop=random)
    if not set(random) & set(needed) or picture in needed or len(needed) > _MAX_MASK_NODES:
        return False
    tf = tensorflow()
    part = tf.compat.v1.GraphDef()
    for name in needed:
        node = part.node.add()
        node.CopyFrom(graph.nodes[name])
        if name in random:
            node.attr["dtype"].type = tf.float32.as_datatype_enum
            _make_constant(node, np.array(_DRAWN, np.float32))
        kept = [text for text in node.input if not text.startswith("^")]
        del node.input[:]
        node.input.extend(kept)
    with tf.Graph().as_default() as built:
        tf.import_graph_def(part, name="")
        with tf.compat.v1.Session(graph=built) as session:
            return bool(np.all(np.asarray(session.run(f"{mask.node}:{mask.output}")) == 1))


def _refuse_random(path: Path, graph: GraphIndex, picture: str, output: Ref) -> None:
    drawing = [name for name in graph.upstream([output], stop=[picture]) if graph.op(name) in _RANDOM]
    if drawing:
        raise GraphError(
            f"{path}: node {drawing[0]!r} draws random numbers whenever it classifies: the graph was exported"
            " as it was trained; export it for inference (dropout and augmentation off)"
        )


def _refuse_what_is_left(path: Path, graph: GraphIndex, picture: str, output: Ref) -> None:
    """Refuse loops, and variables whose values are in another file."""
    for name in graph.upstream([output], stop=[picture]):
        if graph.op(name) in _LOOPS:
            raise GraphError(
                f"{path}: {name!r} runs a loop whenever it classifies, which a bundle cannot; export the"
                " classifier without tf.map_fn and tf.while_loop, or name what follows it with --input-layer"
            )
        if graph.op(name) in _VARIABLES:
            raise GraphError(
                f"{path}: a graph that is not frozen: the numbers of {name!r} are not in it; freeze it with"
                " its checkpoint, or give the SavedModel's folder"
            )
