"""A bundle of Inception v3 (299 px, int8, two labels), to hold the node against the bare interpreter with.

    python -m tests.benchmarks.inception_bundle OUT PICTURES [--weights inception_v3_notop.weights.h5]
    edge-node bench --bundle OUT --seconds 30

The head is not trained, and without ``--weights`` nothing is: speed does not depend on what a network knows.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from converter.tensorflow_import import tensorflow

SIDE_PX = 299


def main() -> int:
    """Write the graph, and have ``convert`` make the bundle."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="the bundle, a new folder")
    parser.add_argument(
        "pictures", type=Path, help="to measure ranges with: photographs, or `converter specimens`"
    )
    parser.add_argument("--weights", type=Path, help="of keras.applications.InceptionV3 without its top")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        graph = Path(name) / "model.keras"
        write_graph(graph, args.weights)
        (graph.parent / "retrained_labels.txt").write_text("corroded\nuncorroded\n", encoding="utf-8")
        options = ["--calibration", str(args.pictures), "--input-mean", "127.5", "--input-std", "127.5"]
        return subprocess.run(
            [sys.executable, "-m", "converter.cli", "convert", "--quantize", str(graph), *options,
             "--out", str(args.out)],
            check=False,
        ).returncode  # fmt: skip


def write_graph(path: Path, weights: Path | None) -> None:
    """Write Inception v3 under a pool and a dense head as a Keras file."""
    keras = tensorflow().keras
    keras.utils.set_random_seed(1)
    shape = (SIDE_PX, SIDE_PX, 3)
    base = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=shape)
    if weights is not None:
        base.load_weights(weights)
    pooled = keras.layers.GlobalAveragePooling2D()(base.output)
    keras.Model(base.input, keras.layers.Dense(2, activation="softmax")(pooled)).save(path)


if __name__ == "__main__":
    raise SystemExit(main())
