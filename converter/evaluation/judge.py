"""Run a bundle or a graph on pictures: a bundle through the node's own engine, a graph in TensorFlow."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.graphs.label_meanings import derive_meanings
from converter.graphs.label_names import check_label_count, load_labels
from converter.graphs.trained_graph import load_graph
from converter.tensorflow_import import tensorflow
from edge_node.errors import GraphError
from edge_node.inference.bundle import load_bundle
from edge_node.inference.cascade import decide
from edge_node.inference.engine import Engine
from edge_node.inference.interpreter import Interpreter
from edge_node.inference.manifest import Cascade, Stage
from edge_node.inference.preprocess import input_tensor
from edge_node.inference.probabilities import label_probabilities, mean_logits
from edge_node.inference.quantization import dequantize
from edge_node.inspection.corrosion_map import corroded_labels, corroded_probability

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.data.dataset import Sample
    from converter.graphs.ready_model import ReadyModel
    from converter.graphs.scaling import Preprocessing
    from converter.graphs.trained_graph import TrainedGraph
    from edge_node.messages.verdict import Decision


@dataclass(frozen=True, slots=True)
class JudgedSample:
    """A labelled picture with the decision about it, and the time that the decision took.

    ``corroded_map`` holds each position's probability of corrosion, ``(rows, columns)``; None without a map.
    """

    sample: Sample
    decision: Decision
    elapsed_ms: float
    corroded_map: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """The decision about one picture and the map of its corrosion; see ``JudgedSample``."""

    decision: Decision
    corroded_map: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """A bundle or a graph, ready to decide about pictures.

    Attributes:
        cascade: its stages.
        predict: takes a picture, uint8 ``(height, width, 3)``, blue, green, red.
    """

    cascade: Cascade
    predict: Callable[[NDArray[np.uint8]], Prediction]


def load_judge(path: Path, labels: Path | None = None) -> Judge:
    """Load the bundle in a folder, or a graph with its labels.

    Args:
        path: the bundle's folder, or the graph's file.
        labels: of a graph; None takes the file beside it.

    Raises:
        BundleError: the bundle is not whole.
        GraphError: the graph cannot be used.
        DatasetError: the labels cannot be read.
    """
    if not path.exists():
        raise GraphError(f"{path}: nothing there; wanted a bundle's folder or a frozen graph")
    if path.is_dir():
        return _bundle_judge(Engine(load_bundle(path)))
    return _graph_judge(path, load_labels(path, labels))


def judge_samples(
    judge: Judge, samples: Sequence[Sample], progress: Callable[[int], None] = lambda _done: None
) -> tuple[JudgedSample, ...]:
    """Decide about every sample and time it; the first is decided once beforehand to warm up.

    Args:
        judge: of a bundle or a graph.
        samples: the pictures.
        progress: called with 1 after each picture.

    Raises:
        DatasetError: a picture cannot be read.
    """
    if samples:
        judge.predict(samples[0].read())
    judged = []
    for sample in samples:
        pixels = sample.read()
        started_ns = time.perf_counter_ns()
        prediction = judge.predict(pixels)
        elapsed_ms = (time.perf_counter_ns() - started_ns) / 1e6
        judged.append(JudgedSample(sample, prediction.decision, elapsed_ms, prediction.corroded_map))
        progress(1)
    return tuple(judged)


def _bundle_judge(engine: Engine) -> Judge:
    """Return a judge that runs the node's engine; its map is that of the last stage with a corroded label."""
    cascade = engine.bundle.manifest.cascade

    def predict(pixels: NDArray[np.uint8]) -> Prediction:
        judgement = engine.judge(pixels)
        corroded_map = None
        for verdict in judgement.decision.stages:
            stage = cascade.stage(verdict.name)
            if verdict.name in judgement.maps and corroded_labels(stage):
                corroded_map = corroded_probability(judgement.maps[verdict.name], stage)
        return Prediction(judgement.decision, corroded_map)

    return Judge(cascade, predict)


def _graph_judge(path: Path, labels: tuple[str, ...]) -> Judge:
    """Return a judge that runs a graph in a TensorFlow session, as a cascade of one stage."""
    graph = load_graph(path)
    check_label_count(path, labels, graph.classes)
    stage = Stage(
        name="graph",
        labels=labels,
        model="graph",
        output="graph",
        meanings=derive_meanings(labels),
        label_thresholds={} if graph.output_contract.is_independent else msgspec.UNSET,
    )
    cascade = Cascade(root="graph", stages=(stage,))
    run = open_graph(graph)

    def predict(pixels: NDArray[np.uint8]) -> Prediction:
        probabilities = label_probabilities(stage, run(pixels))
        return Prediction(decide(cascade, lambda _stage: probabilities))

    return Judge(cascade, predict)


def open_graph(graph: TrainedGraph) -> Callable[[NDArray[np.uint8]], NDArray[np.float64]]:
    """Return what gives a graph's logits for a picture: TensorFlow, or TFLite for a file that is ready."""
    if graph.ready is not None:
        return _open_ready(graph.ready, graph.preprocessing)
    tf = tensorflow()
    imported = tf.Graph()
    with imported.as_default():
        tf.import_graph_def(graph.index.graph_def, name="")
    session = tf.compat.v1.Session(graph=imported)
    spec = graph.preprocessing.float_input()

    def run(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        feeds = {f"{graph.input}:0": input_tensor(pixels, spec)}
        return np.asarray(session.run(f"{graph.logits.node}:0", feeds)[0], np.float64)

    return run


def _open_ready(model: ReadyModel, rule: Preprocessing) -> Callable[[NDArray[np.uint8]], NDArray[np.float64]]:
    interpreter = Interpreter(model.content, where=model.tensor)
    spec = rule.input_of(interpreter.inputs[0])
    output = next(output for output in interpreter.outputs if output.name == model.tensor)

    def run(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        raw = interpreter.run(input_tensor(pixels, spec))[model.tensor]
        return mean_logits(dequantize(raw, output.quantization), model.kind)

    return run
