"""Give a graph float32 numbers where it has others: weights in 8 or 16 bits, layers in 16 or 64 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.nodes.graph_index import GraphIndex, Ref, parse_ref
from converter.tensorflow_import import tensorflow
from edge_node.errors import GraphError

if TYPE_CHECKING:
    from pathlib import Path

# Ops that turn a stored form of weights into float32, or back.
_UNPACKING = frozenset(
    {"Dequantize", "Cast", "QuantizeV2", "Quantize", "Bitcast", "DecodeRaw", "DecompressElement"}
    | {"QuantizeAndDequantize", "QuantizeAndDequantizeV2", "QuantizeAndDequantizeV3", "QuantizedReshape"}
    | {"QuantizeAndDequantizeV4", "QuantizeDownAndShrinkRange", "RequantizationRange", "Requantize"}
)
# Ops that may stand between the stored numbers and the layer that reads them.
_CARRYING = _UNPACKING | {
    *("Const", "Identity", "Reshape", "Transpose", "Squeeze", "ExpandDims", "Mul", "Add", "AddV2", "Sub"),
    *("RealDiv", "Pack", "ConcatV2", "Concat", "Split", "SplitV", "Gather", "GatherV2", "StridedSlice"),
    *("Slice", "Min", "Max", "Minimum", "Maximum", "Shape", "Fill", "Tile", "Sqrt", "Rsqrt", "Neg", "Square"),
}


def unpack_constants(path: Path, graph_def: Any) -> Any:
    """Return the graph with every tensor that is computed of stored constants replaced by its value.

    TensorFlow's own kernels compute it, so it is what the graph itself would have. TensorFlow leaves large
    constants alone when it simplifies a graph, and TFLite has no ``Dequantize`` of this kind.

    Args:
        path: of the graph, for messages.
        graph_def: not changed.

    Raises:
        GraphError: TensorFlow refuses to compute one.
    """
    index = GraphIndex(graph_def)
    packed = _find_packed(index)
    ends = sorted(ref for ref in _list_reads(index, packed) if ref.node in packed)
    if not ends:
        return graph_def
    values = _compute(path, index, ends)
    unpacked = tensorflow().compat.v1.GraphDef()
    unpacked.CopyFrom(graph_def)
    names = {ref: _add_value(unpacked, ref, value) for ref, value in zip(ends, values, strict=True)}
    for node in unpacked.node:
        if node.name in packed:
            continue
        for at, text in enumerate(node.input):
            found = None if text.startswith("^") else names.get(parse_ref(text))
            if found is not None:
                node.input[at] = found
    return unpacked


def widen_floats(graph_def: Any) -> Any:
    """Return the graph with float32 wherever it computes in float16, bfloat16 or float64.

    TFLite has no kernels for those. Mixed precision of Keras and weights cast to half leave such layers; in
    float32 they compute the same, less rounding.
    """
    tf = tensorflow()
    others = {dtype.as_datatype_enum for dtype in (tf.float16, tf.bfloat16, tf.float64)}
    single = tf.float32.as_datatype_enum
    widened = tf.compat.v1.GraphDef()
    widened.CopyFrom(graph_def)
    bodies = [widened.node, *(function.node_def for function in widened.library.function)]
    for node in (node for body in bodies for node in body):
        for value in node.attr.values():
            if value.type in others:
                value.type = single
            if value.list.type:  # read only: naming the field of a oneof clears its other fields
                value.list.type[:] = [single if dtype in others else dtype for dtype in value.list.type]
            if value.HasField("tensor") and value.tensor.dtype in others:
                numbers = tf.make_ndarray(value.tensor).astype("float32")
                value.tensor.CopyFrom(tf.make_tensor_proto(numbers))
        if node.op == "Cast" and node.attr["SrcT"].type == node.attr["DstT"].type:
            node.op = "Identity"
            del node.attr["SrcT"], node.attr["DstT"], node.attr["Truncate"]
            node.attr["T"].type = single
    return widened


def _find_packed(index: GraphIndex) -> frozenset[str]:
    """Return the nodes that only constants enter, behind an op that unpacks one of them."""
    constant, packed = set[str](), set[str]()
    for name in index.upstream([Ref(name) for name in index.nodes]):
        inputs = [ref.node for ref in index.inputs(name)]
        op = index.op(name)
        if op not in _CARRYING or not constant.issuperset(inputs) or (op != "Const" and not inputs):
            continue
        constant.add(name)
        if op in _UNPACKING or not packed.isdisjoint(inputs):
            packed.add(name)
    return frozenset(packed)


def _list_reads(index: GraphIndex, packed: frozenset[str]) -> set[Ref]:
    """Return the tensors that nodes outside of ``packed`` read."""
    read = {ref for name in index.nodes if name not in packed for ref in index.inputs(name)}
    return {ref for ref in read if index.op(ref.node)}


def _compute(path: Path, index: GraphIndex, ends: list[Ref]) -> list[Any]:
    tf = tensorflow()
    part = tf.compat.v1.GraphDef()
    for name in index.upstream(ends):
        node = part.node.add()
        node.CopyFrom(index.nodes[name])
        kept = [text for text in node.input if not text.startswith("^")]
        del node.input[:]
        node.input.extend(kept)
    part.versions.CopyFrom(index.graph_def.versions)
    try:
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(part, name="")
            tensors = [graph.get_tensor_by_name(f"{ref.node}:{ref.output}") for ref in ends]
        with tf.compat.v1.Session(graph=graph) as session:
            values = session.run(tensors)
        pairs = zip(values, tensors, strict=True)
        return [tf.make_tensor_proto(value, tensor.dtype) for value, tensor in pairs]
    except (ValueError, tf.errors.OpError) as err:
        reason = next((line.strip() for line in str(err).splitlines() if line.strip()), type(err).__name__)
        raise GraphError(f"{path}: TensorFlow does not unpack the stored weights: {reason}") from err


def _add_value(graph_def: Any, ref: Ref, value: Any) -> str:
    """Make the node of a tensor a constant, or add one for a further output; return its name."""
    if ref.output == 0:
        node = next(node for node in graph_def.node if node.name == ref.node)
        node.op = "Const"
        del node.input[:]
        node.attr.clear()
    else:
        node = graph_def.node.add()
        node.name, node.op = f"{ref.node}/output_{ref.output}", "Const"
    node.attr["dtype"].type = value.dtype
    node.attr["value"].tensor.CopyFrom(value)
    return str(node.name)
