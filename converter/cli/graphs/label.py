"""``converter label``: classify pictures with a graph or bundle, with flags and output of ``label_image``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.cli.graphs.graph_flags import add_graph_flags, read_graph_flags
from converter.evaluation.float_agreement import run_stages
from converter.evaluation.judge import open_graph
from converter.graphs.label_names import check_label_count, load_labels
from converter.graphs.scaling import GraphFlags
from converter.graphs.trained_graph import load_graph
from converter.nodes.output_contract import OutputForm
from converter.tensorflow_import import tensorflow
from edge_node.camera.picture import read_judged
from edge_node.errors import DatasetError
from edge_node.inference.bundle import MANIFEST_NAME, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inference.preprocess import input_tensor
from edge_node.inference.probabilities import label_probabilities, sigmoid, softmax

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from converter.graphs.trained_graph import TrainedGraph

    # From a picture to its lines of output and the seconds that the models took.
    Labeller = Callable[[NDArray[np.uint8]], tuple[list[str], float]]

_SHOWN = 5  # as label_image


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``converter label``."""
    parser.add_argument("--graph", type=Path, required=True, help="a graph, or folder of a bundle")
    parser.add_argument(
        "--image", type=Path, required=True, action="append", help="a picture; may be given several times"
    )
    parser.add_argument(
        "--labels", type=Path, help="file with the labels (default: the one beside the graph)"
    )
    add_graph_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Print per picture the evaluation time and the labels with their scores; return 0.

    Raises:
        CorrosionError: the graph, labels or a picture cannot be used.
    """
    is_bundle = (args.graph / MANIFEST_NAME).is_file()
    if is_bundle and (args.labels or read_graph_flags(args) != GraphFlags()):
        raise DatasetError(
            f"{args.graph}: a bundle says labels, layers and scaling itself; leave those flags out"
        )
    labeller = _make_bundle_labeller(args.graph) if is_bundle else _make_graph_labeller(args)
    for number, path in enumerate(args.image):
        lines, seconds = labeller(read_judged(path))
        print(f"{chr(10) if number else ''}{path}\nEvaluation time (1-image): {seconds:.3f}s\n")
        print("\n".join(lines))
    return 0


def _make_bundle_labeller(path: Path) -> Labeller:
    engine = Engine(load_bundle(path))

    def label(pixels: NDArray[np.uint8]) -> tuple[list[str], float]:
        stages = engine.bundle.manifest.cascade.stages
        started = time.perf_counter()
        outputs = run_stages(engine, pixels)
        seconds = time.perf_counter() - started
        lines = []
        for stage in stages:
            probabilities = label_probabilities(stage, outputs[stage.name].logits)
            lines += [f"{stage.name}:", *_rank(stage.labels, probabilities)]
        return lines, seconds

    return label


def _make_graph_labeller(args: argparse.Namespace) -> Labeller:
    graph = load_graph(args.graph, read_graph_flags(args))
    labels = load_labels(args.graph, args.labels)
    check_label_count(args.graph, labels, graph.classes)
    if graph.ready is not None:
        return _make_ready_labeller(graph, labels)
    spec = graph.preprocessing.float_input()
    session, output = _open_session(graph)
    # The first run plans the graph; label_image timed that too, which is not the model's time.
    session.run(output, {f"{graph.input}:0": np.zeros(spec.shape, np.float32)})

    def label(pixels: NDArray[np.uint8]) -> tuple[list[str], float]:
        tensor = input_tensor(pixels, spec)
        started = time.perf_counter()
        scores = session.run(output, {f"{graph.input}:0": tensor})[0]
        if graph.output_contract.form is OutputForm.ONE_SIGMOID:
            scores = np.array([1 - scores.item(), scores.item()])
        return _rank(labels, scores), time.perf_counter() - started

    return label


def _make_ready_labeller(graph: TrainedGraph, labels: Sequence[str]) -> Labeller:
    run = open_graph(graph)
    squash = sigmoid if graph.output_contract.is_independent else softmax

    def label(pixels: NDArray[np.uint8]) -> tuple[list[str], float]:
        started = time.perf_counter()
        scores = squash(run(pixels))
        return _rank(labels, scores), time.perf_counter() - started

    return label


def _open_session(graph: TrainedGraph) -> tuple[Any, Any]:
    tf = tensorflow()
    with tf.Graph().as_default() as built:
        tf.import_graph_def(graph.index.graph_def, name="")
    return tf.compat.v1.Session(graph=built), built.get_tensor_by_name(f"{graph.output}:0")


def _rank(labels: Iterable[str], scores: NDArray[Any]) -> list[str]:
    ranked = sorted(zip(labels, scores, strict=True), key=lambda pair: -pair[1])
    return [f"{label} (score={score:.5f})" for label, score in ranked[:_SHOWN]]
