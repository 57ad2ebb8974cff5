"""How fast bottlenecks are computed, as a ratio to a bare TensorFlow loop over the same pictures.

    python -m tests.benchmarks.bottlenecks PICTURES [--count 256] [--architecture efficientnet_lite0]

The bare loop decodes, resizes and runs one batch after the other, and keeps nothing. Ours also hashes, keeps
every entry on disk, and prepares the next batch meanwhile. Both run in this process, in turns.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as `converter retrain` has it

import cv2
import numpy as np

from converter.architectures.backbones import load_backbone
from converter.data.dataset import Sample
from converter.tensorflow_import import tensorflow
from converter.training.bottlenecks import BATCH, Variant, compute, make_extractor
from edge_node.inference.resize import resize

_ROUNDS = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path, help="folder of JPEG pictures")
    parser.add_argument("--count", type=int, default=256)
    parser.add_argument("--architecture", default="efficientnet_lite0")
    args = parser.parse_args()
    paths = sorted(args.pictures.rglob("*.jpg"))[: args.count]
    backbone = load_backbone(args.architecture)
    by = make_extractor(backbone, pooled=True)
    samples = [Sample(path, path.name) for path in paths]
    bare = _bare_loop(backbone)
    bare(paths[:BATCH])  # both graphs are traced before anything is timed
    compute(samples[:BATCH], by, [Variant()])
    bare_s, cold_s, warm_s = [], [], []
    for _ in range(_ROUNDS):
        bare_s.append(_seconds(lambda: bare(paths)))
        with tempfile.TemporaryDirectory() as cache:
            cold_s.append(_seconds(lambda: compute(samples, by, [Variant()], cache=Path(cache))))
            warm_s.append(_seconds(lambda: compute(samples, by, [Variant()], cache=Path(cache))))
    for name, seconds in (("bare loop", bare_s), ("cold cache", cold_s), ("warm cache", warm_s)):
        best = min(seconds)
        print(f"{name:11}{len(paths) / best:8.1f} pictures/s   {min(bare_s) / best:6.2f} of the bare loop's")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak_mb:.0f} MB with TensorFlow")


def _bare_loop(backbone):
    tf = tensorflow()
    graph = tf.function(lambda real: tf.reduce_mean(backbone.model(real, training=False), (1, 2)))
    size, mean, std = backbone.input.size_px, np.float32(backbone.input.mean), np.float32(backbone.input.std)

    def run(paths):
        found = []
        for start in range(0, len(paths), BATCH):
            pictures = [
                resize(cv2.imread(str(path)), size, size, backbone.input.resize)[..., ::-1]
                for path in paths[start : start + BATCH]
            ]
            found.append(np.asarray(graph((np.float32(pictures) - mean) / std)))
        return np.concatenate(found)

    return run


def _seconds(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
