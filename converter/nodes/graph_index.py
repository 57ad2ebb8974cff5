"""Find nodes, constants and paths in a frozen GraphDef. Knows nothing of files and models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

# Ops whose output is their first input once a graph is frozen.
TRANSPARENT_OPS = frozenset(
    {"Identity", "StopGradient", "PlaceholderWithDefault", "CheckNumerics", "Snapshot"}
)
# Ops that fold constants of a normalisation into each other, where a tool left them apart.
_COMPUTED_OPS = TRANSPARENT_OPS | {
    *("Const", "Rsqrt", "Sqrt", "Square", "Neg", "Reciprocal", "Cast", "Reshape", "ExpandDims", "Maximum"),
    *("Add", "AddV2", "Sub", "Mul", "RealDiv"),
}
_MAX_COMPUTED_NODES = 24
CONVOLUTIONS = frozenset({"Conv2D", "DepthwiseConv2dNative"})


class Ref(NamedTuple):
    """One output of a node."""

    node: str
    output: int = 0


class GraphIndex:
    """The nodes of one GraphDef, found by name and walked along their edges."""

    def __init__(self, graph_def: Any) -> None:
        self.graph_def = graph_def
        self.nodes: dict[str, Any] = {node.name: node for node in graph_def.node}

    def __contains__(self, name: object) -> bool:
        return name in self.nodes

    def op(self, name: str) -> str:
        """Return the op of a node; an empty string if there is no such node."""
        return str(self.nodes[name].op) if name in self.nodes else ""

    def inputs(self, name: str) -> list[Ref]:
        """Return the data inputs of a node; control inputs order effects, which frozen graphs lack."""
        return [parse_ref(text) for text in self.nodes[name].input if not text.startswith("^")]

    def resolve(self, ref: Ref) -> Ref:
        """Return the tensor that ``ref`` passes on unchanged, or ``ref`` itself."""
        while self.op(ref.node) in TRANSPARENT_OPS and self.inputs(ref.node):
            ref = self.inputs(ref.node)[0]
        return ref

    def constant(self, ref: Ref) -> NDArray[Any] | None:
        """Return the value of ``ref`` if it is a constant, else None."""
        node = self.nodes.get(self.resolve(ref).node)
        if node is None or node.op != "Const":
            return None
        return np.asarray(tensorflow().make_ndarray(node.attr["value"].tensor))

    def computed_constant(self, ref: Ref) -> NDArray[Any] | None:
        """Return the value of ``ref`` if only constants enter it and few ops compute it, else None."""
        value = self.constant(ref)
        if value is not None or ref.node not in self.nodes:
            return value
        needed = self.upstream([ref])
        ops = {self.op(name) for name in needed}
        if len(needed) > _MAX_COMPUTED_NODES or not ops <= _COMPUTED_OPS:
            return None
        tf = tensorflow()
        part = tf.compat.v1.GraphDef()
        part.node.extend(self.nodes[name] for name in needed)
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(part, name="")
            with tf.compat.v1.Session(graph=graph) as session:
                return np.asarray(session.run(f"{ref.node}:{ref.output}"))

    def consumers(self, name: str) -> list[str]:
        """Return the nodes that read from ``name``."""
        return [
            node.name
            for node in self.graph_def.node
            if any(ref.node == name for ref in self.inputs(node.name))
        ]

    def sinks(self) -> list[str]:
        """Return the nodes that nothing reads, constants and checks left out."""
        read = {ref.node for node in self.graph_def.node for ref in self.inputs(node.name)}
        return [
            node.name
            for node in self.graph_def.node
            if node.name not in read and node.op not in {"Const", "NoOp", "Assert", "Placeholder"}
        ]

    def upstream(self, outputs: Iterable[Ref], stop: Iterable[str] = ()) -> list[str]:
        """Return the nodes that ``outputs`` need, producers before consumers, not going beyond ``stop``."""
        barrier, done, order = set(stop), set[str](), list[str]()
        pending = [(ref.node, False) for ref in outputs]
        while pending:
            name, ready = pending.pop()
            if ready:
                order.append(name)
                continue
            if name in done or name not in self.nodes:
                continue
            done.add(name)
            pending.append((name, True))
            if name not in barrier:
                pending.extend((ref.node, False) for ref in self.inputs(name))
        return order

    def missing(self) -> Iterator[str]:
        """Yield the nodes that are read but do not exist: the graph was cut off."""
        for node in self.graph_def.node:
            yield from (ref.node for ref in self.inputs(node.name) if ref.node not in self.nodes)


def parse_ref(text: str) -> Ref:
    """Return ``name`` or ``name:1`` as a reference."""
    name, _, output = text.lstrip("^").partition(":")
    return Ref(name, int(output) if output else 0)


def infer_shapes(graph_def: Any) -> dict[str, tuple[int | None, ...] | None]:
    """Return the shape of each node's first output as TensorFlow infers it; None where even its rank is open.

    Raises:
        ValueError: TensorFlow does not import the graph.
    """
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        try:
            tf.import_graph_def(graph_def, name="")
        except tf.errors.OpError as err:  # an op that this TensorFlow does not have
            raise ValueError(str(err).partition(" in binary")[0]) from err
    shapes: dict[str, tuple[int | None, ...] | None] = {}
    for operation in graph.get_operations():
        if operation.outputs:
            shape = operation.outputs[0].shape
            shapes[operation.name] = None if shape.rank is None else tuple(shape.as_list())
    return shapes
