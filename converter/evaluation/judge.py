"""Asking a bundle or a graph about pictures: a bundle through the node's own code, a graph in TensorFlow."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from converter.data.dataset import CORRODED, FOLDER_COLUMN, METAL, OTHER, UNCORRODED
from converter.graphs.label_names import labels_beside, meanings_of, read_labels
from converter.graphs.trained_graph import load_graph
from converter.tensorflow_import import tensorflow
from edge_node.errors import GraphError
from edge_node.inference.bundle import load_bundle
from edge_node.inference.cascade import decide
from edge_node.inference.engine import Engine
from edge_node.inference.manifest import Cascade, Meaning, Stage
from edge_node.inference.preprocess import resize
from edge_node.inspection.corrosion_map import corroded_labels, corroded_probability

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.data.dataset import Sample
    from edge_node.messages.verdict import Decision


@dataclass(frozen=True, slots=True)
class JudgedSample:
    """What was said of one picture, and in what time.

    ``corroded_map`` says how probably each position is corroded, ``(rows, columns)``, where there is a map.
    """

    sample: Sample
    decision: Decision
    elapsed_ms: float
    corroded_map: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a judge says of one picture; see ``JudgedSample``."""

    decision: Decision
    corroded_map: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """Whatever decides about a picture.

    Attributes:
        cascade: its stages.
        opinion: from a picture, uint8 ``(height, width, 3)``, blue, green, red, to what it says of it.
    """

    cascade: Cascade
    opinion: Callable[[NDArray[np.uint8]], Opinion]


def judge_of(path: Path, labels: Path | None = None) -> Judge:
    """Return the judge in ``path``: a bundle's folder, or a graph with its labels beside it.

    Raises:
        BundleError: the bundle is not whole.
        GraphError: the graph cannot be used.
        DatasetError: the labels cannot be read.
    """
    if not path.exists():
        raise GraphError(f"{path}: nothing there; wanted a bundle's folder or a frozen graph")
    if path.is_dir():
        return _bundle_judge(Engine(load_bundle(path)))
    return _graph_judge(path, read_labels(labels or labels_beside(path)))


def judge_samples(
    judge: Judge, samples: Sequence[Sample], progress: Callable[[int], None] = lambda _done: None
) -> tuple[JudgedSample, ...]:
    """Return the answers about pictures; the first is asked once more beforehand, to warm up.

    Raises:
        DatasetError: a picture cannot be read.
    """
    if samples:
        judge.opinion(samples[0].read())
    answers = []
    for sample in samples:
        pixels = sample.read()
        started_ns = time.perf_counter_ns()
        opinion = judge.opinion(pixels)
        elapsed_ms = (time.perf_counter_ns() - started_ns) / 1e6
        answers.append(JudgedSample(sample, opinion.decision, elapsed_ms, opinion.corroded_map))
        progress(1)
    return tuple(answers)


def with_meanings(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Return samples whose folder names are read as labels: *corroded steel* is steel, and corroded."""
    names = sorted({sample.labels.get(FOLDER_COLUMN, "") for sample in samples} - {""})
    columns = {name: _columns(meaning) for name, meaning in meanings_of(names).items()}
    return tuple(
        replace(sample, labels={**columns.get(sample.labels.get(FOLDER_COLUMN, ""), {}), **sample.labels})
        for sample in samples
    )


def _columns(meaning: Meaning) -> dict[str, str]:
    condition = None if meaning.corroded is None else CORRODED if meaning.corroded else UNCORRODED
    found = {
        "material": meaning.material,
        "corroded": condition,
        "severity": meaning.severity,
        "form": meaning.form,
        "metal": OTHER if meaning.metal is False else METAL,
    }
    return {column: value for column, value in found.items() if value is not None}


def _bundle_judge(engine: Engine) -> Judge:
    """Return a judge that asks the node's engine; the map is that of the last stage that tells corroded."""
    cascade = engine.bundle.manifest.cascade

    def judge(pixels: NDArray[np.uint8]) -> Opinion:
        judgement = engine.judge(pixels)
        corroded_map = None
        for asked in judgement.decision.stages:
            stage = cascade.stage(asked.name)
            if asked.name in judgement.maps and corroded_labels(stage):
                corroded_map = corroded_probability(judgement.maps[asked.name], stage)
        return Opinion(judgement.decision, corroded_map)

    return Judge(cascade, judge)


def _graph_judge(path: Path, labels: tuple[str, ...]) -> Judge:
    """Return a judge that runs a graph in TensorFlow's own session, as a cascade of one stage."""
    graph = load_graph(path)
    tf = tensorflow()
    imported = tf.Graph()
    with imported.as_default():
        tf.import_graph_def(graph.index.graph_def, name="")
    session = tf.compat.v1.Session(graph=imported)
    stage = Stage(name="graph", labels=labels, model="graph", output="graph", meanings=meanings_of(labels))
    cascade = Cascade(root="graph", stages=(stage,))
    rule = graph.preprocessing

    def judge(pixels: NDArray[np.uint8]) -> Opinion:
        resized = resize(pixels, rule.height, rule.width, rule.resize, real=True)[..., ::-1]
        real = (resized - np.asarray(rule.mean, np.float32)) / np.asarray(rule.std, np.float32)
        logits = session.run(f"{graph.logits.node}:0", {f"{graph.input}:0": real[np.newaxis]})
        shares = np.exp(logits[0].astype(np.float64) - logits.max())
        return Opinion(decide(cascade, lambda _stage: shares / shares.sum()))

    return Judge(cascade, judge)
