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
    hash_file,
    record_path,
)
from converter.graphs.label_names import labels_path
from converter.tensorflow_import import tensorflow
from edge_node.errors import GraphError

if TYPE_CHECKING:
    from pathlib import Path

    from converter.architectures.backbones import Backbone
    from converter.training.steps.training_data import TrainedHead

GRAPH_NAME = "retrained_graph.pb"
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


@dataclass(frozen=True, slots=True)
class OutputFiles:
    """The files of one trained classifier: all but the labels always stand beside the graph."""

    graph: Path
    labels: Path

    @classmethod
    def of(cls, graph: Path, labels: Path | None = None) -> OutputFiles:
        """Return the files of a graph; ``labels`` is where its labels go if not beside it."""
        return cls(graph, labels or labels_path(graph))

    @property
    def keras(self) -> Path:
        """The Keras file; TensorFlow for Poets' name of the graph keeps the name that it always had."""
        name = "retrained_model" if self.graph.name == GRAPH_NAME else self.graph.stem
        return self.graph.with_name(f"{name}.keras")

    @property
    def records(self) -> tuple[Path, ...]:
        """The record of graph and Keras file: one file where both have one name."""
        return tuple(dict.fromkeys((record_path(self.graph), record_path(self.keras))))

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file."""
        return self.graph, self.labels, *self.records, self.keras


def write_retrained(files: OutputFiles, trained: Retrained, backbone: Backbone | None = None) -> GraphRecord:
    """Write a graph, its labels, with its backbone also as a Keras file, and the record of them all.

    The old record is removed first and the new one written last: whatever interrupts this, no record lies
    beside a graph that it does not describe.

    Returns:
        The record as written.

    Raises:
        GraphError: a file cannot be written.
    """
    for path in files.records:
        _remove(path)
    _write(files.graph, _append_head(trained).SerializeToString(deterministic=True))
    _write(files.labels, "".join(f"{label}\n" for label in trained.head.question.labels).encode())
    written = [files.graph]
    if backbone is not None:
        _write_keras(files.keras, backbone, trained)
        written.append(files.keras)
    hashes = {path.suffix: hash_file(path) for path in written}
    record = msgspec.structs.replace(trained.record, files_sha256=hashes)
    for path in files.records if backbone is not None else files.records[:1]:
        _write(path, msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    return record


def _write_keras(path: Path, backbone: Backbone, trained: Retrained) -> None:
    """Write the classifier as a Keras file, from preprocessed pictures to probabilities."""
    tf = tensorflow()
    head, temperature = trained.head, trained.temperature

    layers = tf.keras.layers
    pooled = layers.GlobalAveragePooling2D(name=BOTTLENECK_NODE)(backbone.model.output)
    dense = layers.Dense(len(head.question.labels), activation="softmax", name="final_result")
    model = tf.keras.Model(backbone.model.input, dense(pooled))
    dense.set_weights([head.weights / temperature, head.biases / temperature])
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.stem}.part{path.suffix}")  # Keras knows the format by the suffix
    try:
        model.save(temporary)
        temporary.replace(path)
    except OSError as err:
        raise GraphError(f"{path}: cannot be written ({err.strerror or err})") from err


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


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as err:
        raise GraphError(f"{path}: cannot be replaced ({err.strerror or err})") from err


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as err:
        raise GraphError(f"{path}: cannot be written ({err.strerror or err})") from err
