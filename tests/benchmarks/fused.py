"""What fusing costs and saves: one inference with all heads and maps, against plain models, in one run.

The runs of all models are interleaved, so that whatever else the machine does meets them alike; the least
time of each is compared. Logits of the fused float graph are held against those of the original graphs.

    python -m tests.benchmarks.fused CASCADE.toml PICTURES [--rounds N] [--pictures N] [--threads N]
    python -m tests.benchmarks.fused --inception WEIGHTS.h5 PICTURES ...

The second form builds an Inception v3 cascade of four random heads from Keras weights without a top.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from converter.data.calibration_pictures import load_calibration
from converter.graphs.cascade_file import read_cascade
from converter.graphs.fuse import FusedGraph, fuse
from converter.graphs.trained_graph import load_graph
from converter.quantize.conversion_process import convert_graph
from converter.quantize.request import Mode
from converter.tensorflow_import import tensorflow
from edge_node.inference.interpreter import Interpreter

HEADS = ("material", "steel", "aluminium", "steel_severity")


def main() -> int:
    """Print sizes, the largest difference of a logit, and the two ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cascade", type=Path, nargs="?")
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--inception", type=Path, metavar="WEIGHTS.h5")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--calibrate-on", type=int, default=50, metavar="N")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = (
            inception_graphs(Path(folder), args.inception) if args.inception else cascade_graphs(args.cascade)
        )
        graphs = {name: load_graph(path) for name, path in paths.items()}
    calibration = load_calibration(args.pictures, args.calibrate_on, 0)
    (fused,) = fuse(graphs)
    plain = fuse(graphs, share=False, maps=False)
    pictures = calibration.resized(fused.preprocessing)
    print(f"largest difference of a float logit: {logit_difference(fused, graphs):.2e}")
    contents = {"fused": convert_graph(fused, Mode.INT8, pictures)}
    for graph in plain:
        contents[graph.stages[0]] = convert_graph(graph, Mode.INT8, pictures)
    models = {name: converted.content for name, converted in contents.items()}
    for name, converted in contents.items():
        taken = converted.result
        print(
            f"{name:<16} {len(converted.content) / 1e6:6.2f} MB int8,"
            f" converted in {taken.seconds:5.1f} s at {taken.peak_memory_mb:6.0f} MB at most"
        )
    times = interleaved_ms(models, args.rounds, args.threads)
    singles = [times[graph.stages[0]] for graph in plain]
    print(f"fused {times['fused']:.2f} ms; plain {', '.join(f'{ms:.2f}' for ms in singles)} ms")
    print(f"fused / one plain model   {times['fused'] / np.median(singles):.3f}")
    print(f"fused / {len(singles)} separate models {times['fused'] / sum(singles):.3f}")
    return 0


def cascade_graphs(cascade: Path) -> dict[str, Path]:
    """Return the graphs of a cascade by stage."""
    return {planned.stage.name: planned.graph for planned in read_cascade(cascade).stages}


def inception_graphs(folder: Path, weights: Path) -> dict[str, Path]:
    """Write four frozen graphs over one Inception v3, as retraining would; heads are random."""
    tf = tensorflow()
    backbone = tf.keras.applications.InceptionV3(include_top=False, weights=None, input_shape=(299, 299, 3))
    backbone.load_weights(weights)
    pooled = tf.keras.layers.GlobalAveragePooling2D()(backbone.output)
    paths = {}
    for seed, name in enumerate(HEADS):
        tf.keras.utils.set_random_seed(seed)
        head = tf.keras.layers.Dense(2, activation="softmax", name="final_result")(pooled)
        paths[name] = folder / f"{name}.keras"
        tf.keras.Model(backbone.input, head, name="inception_v3").save(paths[name])
    return paths


def logit_difference(fused: FusedGraph, graphs) -> float:
    """Return the largest difference between the mean of a map and the logits of the graph it came from."""
    rule = fused.preprocessing
    tensor = np.random.default_rng(0).uniform(-1, 1, (1, rule.height, rule.width, 3)).astype(np.float32)
    maps = run_graph(fused.graph_def, fused.input, [output.tensor for output in fused.outputs], tensor)
    worst = 0.0
    for found, graph in zip(maps, graphs.values(), strict=True):
        (wanted,) = run_graph(graph.index.graph_def, graph.input, [graph.logits.node], tensor)
        worst = max(worst, float(np.abs(found.mean(axis=(1, 2)) - wanted).max()))
    return worst


def run_graph(definition, entry: str, outputs: list[str], tensor: np.ndarray) -> list[np.ndarray]:
    """Run a GraphDef in a TensorFlow session."""
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            return session.run([f"{name}:0" for name in outputs], {f"{entry}:0": tensor})


def interleaved_ms(models: dict[str, bytes], rounds: int, threads: int) -> dict[str, float]:
    """Return the least time of each model, every model once per round."""
    ready = {name: Interpreter(content, where=name, threads=threads) for name, content in models.items()}
    rng = np.random.default_rng(1)
    tensors = {name: rng.integers(0, 256, m.inputs[0].shape, dtype=np.uint8) for name, m in ready.items()}
    times: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(rounds):
        for name, interpreter in ready.items():
            started = time.perf_counter()
            interpreter.run(tensors[name])
            times[name].append(time.perf_counter() - started)
    return {name: 1000 * min(found) for name, found in times.items()}


if __name__ == "__main__":
    raise SystemExit(main())
