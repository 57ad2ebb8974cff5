"""Write a trained classifier: the frozen graph, its labels and its record, and a Keras file.

``converter.architectures.backbones`` describes the contents of the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from converter.architectures.backbones import (
    BOTTLENECK_NODE,
    FEATURES_NODE,
    INPUT_NODE,
    LOGITS_NODE,
    GraphRecord,
    record_path,
)
from converter.tensorflow_import import tensorflow
from edge_node.errors import GraphError

if TYPE_CHECKING:
    from pathlib import Path

    from converter.architectures.backbones import Backbone
    from converter.training.training_data import TrainedHead

GRAPH_NAME = "retrained_graph.pb"
LABELS_NAME = "retrained_labels.txt"
KERAS_NAME = "retrained_model.keras"
_WX_PLUS_B, _ADD = LOGITS_NODE.rsplit("/", 1)


def freeze_backbone(backbone: Backbone) -> Any:
    """Return a backbone as a GraphDef from ``input`` to ``backbone/features``, weights as constants."""
    tf = tensorflow()
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    size = backbone.input.size_px

    def features(pictures: Any) -> Any:
        return tf.identity(backbone.model(pictures, training=False), name=FEATURES_NODE)

    signature = tf.TensorSpec((None, size, size, 3), tf.float32, name=INPUT_NODE)
    concrete = tf.function(features).get_concrete_function(signature)
    definition = convert_variables_to_constants_v2(concrete, lower_control_flow=False).graph.as_graph_def()
    # The tracer adds copies of the outputs under other names, which are not needed.
    return _keep_needed_nodes(definition, FEATURES_NODE)


@dataclass(frozen=True, slots=True)
class Retrained:
    """One trained classifier.

    Attributes:
        backbone: from ``freeze_backbone``; the same for every stage, so that stages can be fused.
        head: the last layer.
        temperature: divides the logits; the written weights contain it, so that every reader applies it.
        record: describes the training.
    """

    backbone: Any
    head: TrainedHead
    temperature: float
    record: GraphRecord


def write_retrained(graph: Path, labels: Path, trained: Retrained) -> None:
    """Write a graph, its labels, and its record beside it.

    Raises:
        GraphError: a file cannot be written.
    """
    _write(graph, _append_head(trained).SerializeToString(deterministic=True))
    _write(labels, "".join(f"{label}\n" for label in trained.head.question.labels).encode())
    _write_record(graph, trained.record)


def write_keras(
    path: Path, backbone: Backbone, head: TrainedHead, temperature: float, record: GraphRecord
) -> None:
    """Write the classifier as a Keras file, from preprocessed pictures to probabilities, and its record.

    Raises:
        GraphError: the record cannot be written.
    """
    tf = tensorflow()

    layers = tf.keras.layers
    pooled = layers.GlobalAveragePooling2D(name=BOTTLENECK_NODE)(backbone.model.output)
    dense = layers.Dense(len(head.question.labels), activation="softmax", name="final_result")
    model = tf.keras.Model(backbone.model.input, dense(pooled))
    dense.set_weights([head.weights / temperature, head.biases / temperature])
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    _write_record(path, record)


def _append_head(trained: Retrained) -> Any:
    """Return the GraphDef of backbone, mean, last layer and softmax, named as TensorFlow for Poets did."""
    tf = tensorflow()

    v1 = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default():
        v1.import_graph_def(trained.backbone, name="")
        features = graph.get_tensor_by_name(f"{FEATURES_NODE}:0")
        bottleneck = tf.reduce_mean(features, axis=(1, 2), name=BOTTLENECK_NODE)
        weights, biases = (
            tf.constant(
                np.asarray(values / trained.temperature, np.float32), name=f"final_training_ops/{name}"
            )
            for values, name in (
                (trained.head.weights, "weights/final_weights"),
                (trained.head.biases, "biases/final_biases"),
            )
        )
        product = tf.matmul(bottleneck, weights, name=f"{_WX_PLUS_B}/MatMul")
        logits = tf.add(product, biases, name=f"{_WX_PLUS_B}/{_ADD}")
        tf.nn.softmax(logits, name=trained.record.final_tensor)
    return graph.as_graph_def()


def _keep_needed_nodes(definition: Any, last: str) -> Any:
    """Return a GraphDef of the nodes that ``last`` needs, in their order.

    Raises:
        GraphError: there is no such node.
    """
    tf = tensorflow()

    nodes = {node.name: node for node in definition.node}
    if last not in nodes:
        raise GraphError(f"the frozen graph has no node {last}")
    needed, waiting = set(), [last]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [source.split(":")[0].lstrip("^") for source in nodes[name].input]
    kept = tf.compat.v1.GraphDef(versions=definition.versions)
    kept.node.extend(node for node in definition.node if node.name in needed)
    return kept


def _write_record(graph: Path, record: GraphRecord) -> None:
    _write(record_path(graph), msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as err:
        raise GraphError(f"{path}: cannot be written ({err.strerror or err})") from err
