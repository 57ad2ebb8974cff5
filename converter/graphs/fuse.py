"""Fuse graphs that share a backbone into one graph with many heads, each with its map.

Each node has a hash over its op, its attributes and the hashes of its inputs; a constant, over its bytes;
names are left out. Nodes of different graphs with the same hash compute the same, so they are emitted once:
this proves that backbones are equal, and fuses them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.nodes.graph_index import TRANSPARENT_OPS, GraphIndex, Ref
from converter.tensorflow_import import tensorflow
from edge_node.inference.manifest import OutputKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converter.graphs.ready_model import ReadyModel
    from converter.graphs.scaling import Preprocessing
    from converter.graphs.trained_graph import TrainedGraph


@dataclass(frozen=True, slots=True)
class FusedOutput:
    """One stage's output in a fused graph: tensor name, kind, and the reason if it is no map.

    ``independent`` says that each label has a probability of its own.
    """

    stage: str
    tensor: str
    kind: OutputKind
    no_map: str = ""
    independent: bool = False


@dataclass(frozen=True, slots=True)
class FusedGraph:
    """A graph to convert: one input, an output per stage.

    Attributes:
        stages: the stages whose heads it has.
        graph_def: the whole graph.
        input: the placeholder's name.
        preprocessing: from a picture to the input.
        outputs: one per stage, in the order of ``stages``; stages whose heads are equal share a tensor.
        shared: number of nodes that more than one stage uses, and of all nodes.
        ready: the `.tflite` file that it is already; ``graph_def`` is then None.
    """

    stages: tuple[str, ...]
    graph_def: Any = field(repr=False)
    input: str
    preprocessing: Preprocessing
    outputs: tuple[FusedOutput, ...]
    shared: tuple[int, int]
    ready: ReadyModel | None = field(default=None, repr=False)


def fuse(graphs: dict[str, TrainedGraph], *, share: bool = True, maps: bool = True) -> tuple[FusedGraph, ...]:
    """Return one graph for all stages with the same backbone, and one for each of the others.

    Args:
        graphs: per stage its trained graph.
        share: False keeps every stage apart.
        maps: False leaves the heads after the mean, where they were.
    """
    groups: dict[object, list[str]] = {}
    for stage, graph in graphs.items():
        groups.setdefault(_identify_backbone(graph) if share else stage, []).append(stage)
    return tuple(
        _fuse_group({stage: graphs[stage] for stage in group}, maps=maps) for group in groups.values()
    )


def _identify_backbone(graph: TrainedGraph) -> object:
    """Return a key that is equal for stages that can share a model."""
    if graph.ready is not None:
        return id(graph)
    merger = _Merger(graph.input, graph.preprocessing)
    merger.add(graph.index, graph.input, [graph.trunk], "")
    return graph.preprocessing, merger.digest(graph.index, graph.trunk)


def _fuse_group(graphs: dict[str, TrainedGraph], *, maps: bool) -> FusedGraph:
    first = next(iter(graphs.values()))
    if first.ready is not None:
        return _keep_ready(next(iter(graphs)), first, first.ready)
    merger = _Merger(first.input, first.preprocessing)
    outputs = []
    heads: dict[object, str] = {}
    for stage, graph in graphs.items():
        independent = graph.output_contract.is_independent
        if graph.head is not None and maps:
            (features,) = merger.add(graph.index, graph.input, [graph.head.features], stage)
            # Heads trained alike on the same rows are equal; TFLite's converter would drop one of them.
            head = (features, graph.head.weights.tobytes(), graph.head.biases.tobytes())
            if head not in heads:
                heads[head] = f"{stage}/map"
                merger.add_convolution(heads[head], features, graph.head.weights, graph.head.biases)
            outputs.append(FusedOutput(stage, heads[head], OutputKind.MAP, independent=independent))
        else:
            (logits,) = merger.add(graph.index, graph.input, [graph.logits], stage)
            merger.add_identity(f"{stage}/logits", logits)
            why = graph.no_head or "maps were not asked for"
            outputs.append(FusedOutput(stage, f"{stage}/logits", OutputKind.LOGITS, why, independent))
    return FusedGraph(
        stages=tuple(graphs),
        graph_def=merger.graph_def,
        input=first.input,
        preprocessing=first.preprocessing,
        outputs=tuple(outputs),
        shared=(merger.reused, len(merger.graph_def.node)),
    )


def _keep_ready(stage: str, graph: TrainedGraph, ready: ReadyModel) -> FusedGraph:
    """Return the one stage that a `.tflite` file computes; there is nothing to convert."""
    independent = graph.output_contract.is_independent
    output = FusedOutput(stage, ready.tensor, ready.kind, graph.no_head, independent)
    return FusedGraph((stage,), None, graph.input, graph.preprocessing, (output,), (0, 0), ready)


class _Merger:
    """Builds a GraphDef out of several; a node that computes the same as an earlier one is not added."""

    def __init__(self, input_name: str, preprocessing: Preprocessing) -> None:
        tf = tensorflow()
        self.graph_def = tf.compat.v1.GraphDef()
        self.graph_def.versions.CopyFrom(tf.Graph().as_graph_def().versions)
        self.reused = 0
        self._emitted: dict[bytes, str] = {}
        self._names: set[str] = set()
        self._digests: dict[tuple[int, str], bytes] = {}
        self._input = b"input"
        node = self._add_node(input_name, "Placeholder")
        node.attr["dtype"].type = tf.float32.as_datatype_enum
        for size in (1, preprocessing.height, preprocessing.width, 3):
            node.attr["shape"].shape.dim.add().size = size
        self._emitted[self._input] = node.name

    def add(self, index: GraphIndex, input_name: str, outputs: Sequence[Ref], prefix: str) -> list[Ref]:
        """Add the nodes that ``outputs`` depend on; return them as tensors of the merged graph."""
        for name in index.upstream(outputs, stop=[input_name]):
            digest = self._digest_node(index, name, input_name)
            if name == input_name or index.op(name) in TRANSPARENT_OPS:
                continue
            if digest in self._emitted:
                self.reused += index.op(name) != "Const"
                continue
            inputs = [self._find_merged(index, ref) for ref in index.inputs(name)]
            node = self._add_node(name if name not in self._names else f"{prefix}/{name}", index.op(name))
            node.input.extend(_format_ref(ref) for ref in inputs)
            for key, value in index.nodes[name].attr.items():
                if not key.startswith("_"):
                    node.attr[key].CopyFrom(value)
            self._emitted[digest] = node.name
        return [self._find_merged(index, ref) for ref in outputs]

    def digest(self, index: GraphIndex, ref: Ref) -> bytes:
        """Return the hash of the computation of a tensor of an added graph."""
        source = index.resolve(ref)
        return self._digests[id(index), source.node] + bytes([source.output])

    def add_convolution(self, name: str, features: Ref, weights: Any, biases: Any) -> None:
        """Add a 1x1 convolution called ``name``."""
        kernel = self._add_constant(f"{name}/weights", weights.astype(np.float32)[np.newaxis, np.newaxis])
        bias = self._add_constant(f"{name}/biases", biases.astype(np.float32))
        convolution = self._add_node(f"{name}/convolution", "Conv2D")
        convolution.input.extend([_format_ref(features), kernel])
        self._set_float(convolution)
        convolution.attr["strides"].list.i.extend([1, 1, 1, 1])
        convolution.attr["padding"].s = b"VALID"
        convolution.attr["data_format"].s = b"NHWC"
        added = self._add_node(name, "BiasAdd")
        added.input.extend([convolution.name, bias])
        self._set_float(added)
        added.attr["data_format"].s = b"NHWC"

    def add_identity(self, name: str, ref: Ref) -> None:
        """Add another name for a tensor."""
        node = self._add_node(name, "Identity")
        node.input.append(_format_ref(ref))
        self._set_float(node)

    def _add_constant(self, name: str, value: Any) -> str:
        node = self._add_node(name, "Const")
        node.attr["dtype"].type = tensorflow().float32.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tensorflow().make_tensor_proto(value))
        return str(node.name)

    def _set_float(self, node: Any) -> None:
        node.attr["T"].type = tensorflow().float32.as_datatype_enum

    def _add_node(self, name: str, op: str) -> Any:
        if name in self._names:
            raise AssertionError(f"two nodes called {name}")  # names carry the stage's, which are distinct
        self._names.add(name)
        node = self.graph_def.node.add()
        node.name, node.op = name, op
        return node

    def _find_merged(self, index: GraphIndex, ref: Ref) -> Ref:
        source = index.resolve(ref)
        return Ref(self._emitted[self._digests[id(index), source.node]], source.output)

    def _digest_node(self, index: GraphIndex, name: str, input_name: str) -> bytes:
        key = (id(index), name)
        if key not in self._digests:
            self._digests[key] = self._input if name == input_name else self._hash(index, name)
        return self._digests[key]

    def _hash(self, index: GraphIndex, name: str) -> bytes:
        node = index.nodes[name]
        if node.op in TRANSPARENT_OPS:
            source = index.resolve(Ref(name))
            return self._digests[id(index), source.node]
        state = hashlib.sha256(node.op.encode())
        if node.op == "Const":
            value = index.constant(Ref(name))
            if value is not None:
                state.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
            return state.digest()
        for attribute in sorted(node.attr):
            if not attribute.startswith("_"):
                content = node.attr[attribute].SerializeToString(deterministic=True)
                state.update(f"|{attribute}={len(content)}:".encode() + content)
        for ref in index.inputs(name):
            source = index.resolve(ref)
            state.update(self._digests[id(index), source.node] + f":{source.output}".encode())
        return state.digest()


def _format_ref(ref: Ref) -> str:
    return f"{ref.node}:{ref.output}" if ref.output else ref.node
