"""Graphs as other tools wrote them, made of weights that are here: GraphDefs rewritten node by node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter.nodes.graph_index import CONVOLUTIONS, GraphIndex, Ref
from converter.tensorflow_import import tensorflow

INPUT, RESULT = "input", "final_result"
POETS_BOTTLENECK = "MobilenetV1/Predictions/Reshape"  # 1001 numbers, as TensorFlow for Poets took it
POETS_POOL = "MobilenetV1/Logits/AvgPool_1a/AvgPool"  # 1024 numbers, the feature vector of TensorFlow Hub
if TYPE_CHECKING:
    from collections.abc import Callable

_HEAD = ("final_training_ops/weights/final_weights", "final_training_ops/biases/final_biases")
_OLD_BATCH_NORM = "BatchNormWithGlobalNormalization"
_IMPORTS_OLD_OPS = 8  # the last GraphDef version whose importer takes the batch normalisation of 2015


def inception_of_2015(backbone: Any, features: str, head: tuple[np.ndarray, np.ndarray], producer: int):
    """Return Inception v3 with the ops that its graph of 2015 had.

    Args:
        backbone: frozen GraphDef of today from ``input`` to ``features``.
        features: its last node.
        head: weights and biases of the last layer.
        producer: ``versions.producer`` of the file.
    """
    tf = tensorflow()
    index = GraphIndex(backbone)
    with tf.Graph().as_default() as graph:
        content = tf.compat.v1.placeholder(tf.string, (), name="DecodeJpeg/contents")
        decoded = tf.io.decode_jpeg(content, channels=3, name="DecodeJpeg")
        batch = tf.expand_dims(tf.cast(decoded, tf.float32, name="Cast"), 0, name="ExpandDims")
        sized = tf.compat.v1.image.resize_bilinear(batch, [299, 299], name="ResizeBilinear")
        tf.multiply(tf.subtract(sized, 128.0, name="Sub"), 1 / 128, name="Mul")
    definition = graph.as_graph_def()
    for name in index.upstream([Ref(features)], stop=[INPUT]):
        if name != INPUT:
            _as_of_2015(definition, index, name)
    shape = (1, 8, 8, head[0].shape[0])
    with tf.Graph().as_default() as graph:
        mixed = tf.compat.v1.placeholder(tf.float32, shape, name=features)
        pooled = tf.nn.avg_pool2d(mixed, 8, 1, "VALID", name="pool_3")
        flat = tf.reshape(pooled, [1, shape[-1]], name="pool_3/_reshape")
        named = tf.compat.v1.placeholder_with_default(
            flat, (None, shape[-1]), "input/BottleneckInputPlaceholder"
        )
        final_layer(named, head)
    definition.node.extend(node for node in graph.as_graph_def().node if node.name != features)
    definition.versions.producer = producer
    return definition


def _as_of_2015(definition: Any, index: GraphIndex, name: str) -> None:
    """Add one node of today's graph as 2015 had it: normalisation in one op, kernels checked, old Concat."""
    tf = tensorflow()
    node = definition.node.add()
    node.CopyFrom(index.nodes[name])
    inputs = ["Mul" if ref.node == INPUT else ref.node for ref in index.inputs(name)]
    if node.op == "FusedBatchNormV3":
        picture, gamma, beta, mean, variance = inputs
        epsilon = node.attr["epsilon"].f
        node.attr.clear()
        node.op, inputs = _OLD_BATCH_NORM, [picture, mean, variance, beta, gamma]
        node.attr["variance_epsilon"].f = epsilon
        node.attr["scale_after_normalization"].b = True
        node.attr["T"].type = tf.float32.as_datatype_enum
    elif node.op == "ConcatV2":
        node.op, inputs = "Concat", [inputs[-1], *inputs[:-1]]
        del node.attr["Tidx"]
    elif node.op == "Conv2D":
        check = definition.node.add()
        check.name, check.op = f"{name}/CheckNumerics", "CheckNumerics"
        check.input.append(inputs[1])
        check.attr["T"].type = tf.float32.as_datatype_enum
        check.attr["message"].s = b"the kernel has numbers that are none"
        inputs[1] = check.name
    del node.input[:]
    node.input.extend(inputs)


def final_layer(bottleneck: Any, head: tuple[np.ndarray, np.ndarray]) -> None:
    """Add the last layer as TensorFlow for Poets named it."""
    tf = tensorflow()
    weights, biases = (tf.constant(value, name=name) for value, name in zip(head, _HEAD, strict=True))
    product = tf.matmul(bottleneck, weights, name="final_training_ops/Wx_plus_b/MatMul")
    tf.nn.softmax(tf.add(product, biases, name="final_training_ops/Wx_plus_b/add"), name=RESULT)


def with_head(definition: Any, head: tuple[np.ndarray, np.ndarray]) -> Any:
    """Return a graph of TensorFlow for Poets with another last layer."""
    changed = _copy(definition)
    nodes = {node.name: node for node in changed.node}
    for name, value in zip(_HEAD, head, strict=True):
        nodes[name].attr["value"].tensor.CopyFrom(tensorflow().make_tensor_proto(value))
    return changed


def at_size(definition: Any, size_px: int) -> Any:
    """Return a MobileNet for pictures of another size; its weights do not depend on it."""
    changed = _copy(definition)
    for node in changed.node:
        if node.name == INPUT:
            for axis in (1, 2):
                node.attr["shape"].shape.dim[axis].size = size_px
        if node.op == "AvgPool":
            node.attr["ksize"].list.i[1:3] = [size_px // 32] * 2
    return changed


def behind_entry(definition: Any, enter: Callable[[], Any]) -> Any:
    """Return a graph of TensorFlow for Poets with another input.

    Args:
        definition: frozen GraphDef.
        enter: adds a placeholder and ops, and returns what the network takes.
    """
    body = _copy(definition)
    _drop(body, INPUT)
    with tensorflow().Graph().as_default() as graph:
        tensorflow().import_graph_def(body, {f"{INPUT}:0": enter()}, name="")
    return graph.as_graph_def()


def as_hub_writes(definition: Any, head: tuple[np.ndarray, np.ndarray]) -> Any:
    """Return a MobileNet as TensorFlow Hub's retrain.py froze it: values 0..1 in, a module, its last layer.

    Args:
        definition: frozen GraphDef of TensorFlow for Poets.
        head: weights ``(1024, labels)`` and biases of the last layer.
    """
    tf, module = tensorflow(), "module_apply_default"
    index, body = GraphIndex(definition), tensorflow().compat.v1.GraphDef()
    body.versions.CopyFrom(definition.versions)
    for name in index.upstream([Ref(POETS_POOL)], stop=[INPUT]):
        if name != INPUT:
            body.node.add().CopyFrom(index.nodes[name])
    with tf.Graph().as_default() as graph:
        picture = tf.compat.v1.placeholder(tf.float32, (None, 224, 224, 3), name="Placeholder")
        doubled = tf.multiply(picture, 2.0, name=f"{module}/hub_input/Mul")
        scaled = tf.subtract(doubled, 1.0, name=f"{module}/hub_input/Sub")
        (pooled,) = tf.import_graph_def(body, {f"{INPUT}:0": scaled}, [f"{POETS_POOL}:0"], name=module)
        vector = tf.squeeze(pooled, [1, 2], name=f"{module}/hub_output/feature_vector/SpatialSqueeze")
        bottleneck = tf.compat.v1.placeholder_with_default(
            vector, (None, head[0].shape[0]), "input/BottleneckInputPlaceholder"
        )
        weights = tf.constant(head[0], name="final_retrain_ops/weights/final_weights")
        biases = tf.constant(head[1], name="final_retrain_ops/biases/final_biases")
        product = tf.matmul(bottleneck, weights, name="final_retrain_ops/Wx_plus_b/MatMul")
        tf.nn.softmax(tf.add(product, biases, name="final_retrain_ops/Wx_plus_b/add"), name=RESULT)
    return graph.as_graph_def()


def with_first_layer(
    definition: Any, channels: int, change: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
) -> Any:
    """Return a MobileNet whose first kernel and the mean that its normalisation takes off are others.

    Args:
        definition: frozen GraphDef.
        channels: of its new input.
        change: from the kernel ``(3, 3, 3, filters)`` and the mean ``(filters,)`` to the new ones.
    """
    changed = _copy(definition)
    nodes = {node.name: node for node in changed.node}
    names = [f"MobilenetV1/Conv2d_0/{name}" for name in ("weights", "BatchNorm/moving_mean")]
    found = [tensorflow().make_ndarray(nodes[name].attr["value"].tensor) for name in names]
    for name, value in zip(names, change(*found), strict=True):
        nodes[name].attr["value"].tensor.CopyFrom(tensorflow().make_tensor_proto(np.float32(value)))
    nodes[INPUT].attr["shape"].shape.dim[3].size = channels
    return changed


def fake_quantized(definition: Any, pictures: np.ndarray) -> Any:
    """Return a MobileNet with the nodes of the ``_quantized`` graphs: kernels and activations on 8 bits.

    Args:
        definition: frozen GraphDef.
        pictures: scaled, float32 ``(n, size, size, 3)``; ranges are measured on them.
    """
    index = GraphIndex(definition)
    active = [node.name for node in definition.node if node.op == "Relu6"]
    seen = run(definition, INPUT, active, pictures)
    ranges = {name: float(values.max()) for name, values in zip(active, seen, strict=True)}
    changed = tensorflow().compat.v1.GraphDef()
    changed.versions.CopyFrom(definition.versions)
    for node in definition.node:
        copy = changed.node.add()
        copy.CopyFrom(node)
        for at, text in enumerate(node.input):
            if text in ranges:
                copy.input[at] = f"{text}/act_quant/FakeQuantWithMinMaxVars"
        if node.op in CONVOLUTIONS and (kernel := index.constant(Ref(node.input[1]))) is not None:
            copy.input[1] = _fake_quant(
                changed, f"{node.name}/weights_quant", node.input[1], kernel.min(), kernel.max()
            )
        if node.name in ranges:
            _fake_quant(changed, f"{node.name}/act_quant", node.name, 0.0, ranges[node.name])
    return changed


def _fake_quant(definition: Any, scope: str, source: str, low: float, high: float) -> str:
    tf = tensorflow()
    node = definition.node.add()
    node.name, node.op = f"{scope}/FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVars"
    node.input.append(source)
    node.attr["num_bits"].i = 8
    node.attr["narrow_range"].b = False
    for name, value in (("min", low), ("max", high)):
        constant = definition.node.add()
        constant.name, constant.op = f"{scope}/{name}", "Const"
        constant.attr["dtype"].type = tf.float32.as_datatype_enum
        constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.float32(value)))
        node.input.append(constant.name)
    return str(node.name)


def run(definition: Any, entry: str, outputs: list[str], tensor: np.ndarray) -> list[np.ndarray]:
    """Run a GraphDef as it is, old ops and all, in a TensorFlow session."""
    tf = tensorflow()
    if any(node.op == _OLD_BATCH_NORM for node in definition.node):
        definition = _copy(definition)
        definition.versions.producer = _IMPORTS_OLD_OPS
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            fed = [tensor] if len(tensor) == 1 else [row[np.newaxis] for row in tensor]
            found = [session.run([f"{name}:0" for name in outputs], {f"{entry}:0": one}) for one in fed]
    return [np.concatenate(rows) for rows in zip(*found, strict=True)]


def _drop(definition: Any, name: str) -> None:
    (at,) = (at for at, node in enumerate(definition.node) if node.name == name)
    del definition.node[at]


def _copy(definition: Any) -> Any:
    changed = tensorflow().compat.v1.GraphDef()
    changed.CopyFrom(definition)
    return changed
