"""Small frozen graphs that differ in input and output; what TensorFlow says of them and what the node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from converter.conversion.bundle_writer import MadeModel, assemble
from converter.graphs.cascade_file import plan_single_graph
from converter.graphs.fuse import fuse
from converter.graphs.scaling import GraphFlags
from converter.graphs.trained_graph import load_graph
from converter.quantize.int8_builder import convert_exact
from converter.quantize.request import Mode, Target, make_request, write_request
from edge_node.inference.engine import Engine
from edge_node.inference.manifest import Provenance
from edge_node.inference.preprocess import input_tensor
from edge_node.inference.probabilities import softmax
from tests.support.graph_runs import outputs
from tests.support.small_graphs import write_graph

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_node.inference.bundle import Bundle

SIZE_PX = 24
INPUT = "input"


def placeholder(*shape: int | None, dtype: Any = tf.float32, name: str = INPUT) -> Any:
    """Return a placeholder; by default one for the picture."""
    return tf.compat.v1.placeholder(dtype, shape, name)


def colours(batch: int | None = None, dtype: Any = tf.float32, channels: int = 3) -> Any:
    """Return the usual placeholder, channels last."""
    return placeholder(batch, SIZE_PX, SIZE_PX, channels, dtype=dtype)


def channels_first(batch: int | None = None, channels: int = 3) -> Any:
    """Return a placeholder as PyTorch's exporters write it."""
    return placeholder(batch, channels, SIZE_PX, SIZE_PX)


def body(
    x: Any,
    end: Callable[..., Any] = tf.nn.softmax,
    *,
    middle: Callable[[Any], Any] = lambda x: x,
    labels: int = 2,
    bias: float = 0.0,
) -> Any:
    """Build two convolutions, the mean and a head on scaled pixels ``x``, channels last."""
    rng = np.random.default_rng(0)
    first = rng.normal(0, 0.3, (3, 3, int(x.shape[3]), 24)).astype(np.float32)
    second = rng.normal(0, 0.3, (3, 3, 24, 8)).astype(np.float32)
    head = rng.normal(0, 2.0, (8, labels)).astype(np.float32)
    x = tf.nn.relu6(tf.nn.conv2d(x, first, 2, "SAME") + np.linspace(-1, 1, 24).astype(np.float32))
    x = middle(tf.reduce_mean(tf.nn.relu(tf.nn.conv2d(x, second, 2, "SAME")), [1, 2]))
    logits = tf.matmul(x, head) + np.full(labels, bias, np.float32)
    return end(logits, name="final_result")


def freeze(build: Callable[[], Any]) -> Any:
    """Return the GraphDef that ``build`` adds its nodes to."""
    graph = tf.Graph()
    with graph.as_default():
        tf.random.set_seed(1)  # asked for once another test of this process has trained
        build()
    return graph.as_graph_def()


def written(
    folder: Path, build: Callable[[], Any], labels: tuple[str, ...] = ("corroded", "uncorroded")
) -> Path:
    """Write what ``build`` makes as a frozen graph with labels beside it."""
    return write_graph(folder, freeze(build), labels)


def draw_picture(seed: int = 0) -> NDArray[np.uint8]:
    """Return a picture of the inputs' size with uneven colours: blue, green, red."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (6, 6, 3)) * rng.uniform(0.2, 1, 3)
    return np.kron(coarse, np.ones((4, 4, 1))).astype(np.uint8)


def node_tensor(graph: Any, pixels: NDArray[np.uint8]) -> Any:
    """Return what the node feeds to a float model of ``graph``."""
    return input_tensor(pixels, graph.preprocessing.float_input())


def node_answer(path: Path, pixels: NDArray[np.uint8], flags: Any = None) -> NDArray[np.float64]:
    """Return the probabilities of a graph as the converter reads it, for the node's own tensor."""
    graph = load_graph(path, flags)
    feeds = {f"{graph.input}:0": node_tensor(graph, pixels)}
    (logits,) = outputs(graph.index.graph_def, feeds, graph.logits.node)
    return np.asarray(softmax(logits[0].astype(np.float64)))


def float_bundle(path: Path, work: Path, flags: Any = None) -> Bundle:
    """Convert a graph to a float bundle in this process: a worker's start would take most of the time."""
    plan = plan_single_graph(path, None, flags or GraphFlags())
    (planned,) = plan.stages
    (fused,) = fuse({planned.stage.name: load_graph(path, planned.flags)})
    if fused.ready is not None:
        made = MadeModel(fused, Mode(fused.ready.mode), fused.ready.content)
        return assemble(plan, [made], Provenance(graphs=(), tools={}))
    work.mkdir(parents=True, exist_ok=True)
    request = make_request(fused, Mode.NONE, Target.LITERT)
    write_request(work, fused, request, None)
    content = convert_exact(work, request)
    return assemble(plan, [MadeModel(fused, Mode.NONE, content)], Provenance(graphs=(), tools={}))


def bundle_answer(bundle: Bundle, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return what the node's engine says of a picture with a bundle of one stage."""
    (verdict,) = Engine(bundle).judge(pixels).decision.stages
    return np.array(list(verdict.probabilities.values()))


def source_answer(build: Callable[[], Any], feed: Any, **more: Any) -> NDArray[np.float64]:
    """Return what the original graph says of ``feed`` in TensorFlow; ``more`` feeds its further inputs."""
    feeds = {f"{INPUT}:0": feed, **{f"{name}:0": value for name, value in more.items()}}
    (found,) = outputs(freeze(build), feeds, "final_result")
    return np.asarray(found[0], np.float64)
