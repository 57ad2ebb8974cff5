"""What architecture, resolution, augmented copies and tiling bring: frozen networks under linear heads.

    python -m tests.benchmarks.architectures DATA --cache BOTTLENECKS \
        --network efficientnet_lite0 --network inception_v3=WEIGHTS.h5 \
        --network mobilenet_v1=retrained_graph.pb [--sizes 224,320] [--copies 2] [--tiles] [--json FILE]

Every figure is of pictures that the head was not trained on: of the other folds' specimens, or of sources
that were left out whole. A network is an architecture of ``converter retrain``, with a file of weights after
``=`` where it needs one, or any name with a frozen graph after it. Heads are logistic regressions with one
strength of regularisation for all: nothing is tuned to these pictures.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as `converter retrain` has it

import cv2
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from converter.architectures.backbones import InputRule, load_backbone
from converter.data.dataset import load_dataset
from converter.data.splits import split_by_group, with_groups
from converter.graphs.trained_graph import load_graph
from converter.tensorflow_import import tensorflow
from converter.training.augment import INSPECTION
from converter.training.bottlenecks import Extractor, Variant, compute, make_extractor
from edge_node.inference.manifest import Resize

_SETS = ("surfaces", "scenes", "aircraft", "masked")
_TRAINED_ON = {
    "surfaces": ("surfaces",),
    "+ masked, aircraft": ("surfaces", "masked", "aircraft"),
    "+ scenes": _SETS,
}
_STRENGTH = (
    0.01  # of logistic regression on standardised features: strong, there are more features than plates
)
_TILES_PER_SIDE = 2


def main() -> None:
    """Measure and print, a table for each network and way of showing pictures to it."""
    args = _arguments()
    samples = [s for s in with_groups(load_dataset(args.data)) if s.set_name in _SETS]
    truth = _Truth(samples, args.folds)
    tables = []
    for name in args.network:
        for size in args.sizes or [None]:
            for shown, parts in _features(args, name, size, samples):
                started = time.monotonic()
                table = {"network": name.split("=")[0], "size": size, "shown": shown, **truth.figures(parts)}
                tables.append(table)
                _print(table, time.monotonic() - started)
                if args.json is not None:
                    args.json.write_text(json.dumps(tables, indent=1), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="kept between runs")
    parser.add_argument("--network", action="append", required=True, metavar="NAME[=FILE]")
    parser.add_argument("--sizes", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--copies", type=int, default=0, help="changed copies beside each picture")
    parser.add_argument("--tiles", action="store_true", help="also judge pictures by the mean of 2x2 tiles")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _features(args, name, size, samples):
    """Yield in words how pictures are shown, and their features ``(parts, pictures, channels)``.

    Heads are trained on all parts. A picture is judged by the mean of ``tiles``, or by the first part alone.
    """
    by = _network(name, size)
    done = [0]

    def progress(more):
        done[0] += more
        print(f"\r{name} {size or ''}: {done[0]} pictures", end="", file=sys.stderr)

    variants = [Variant(copy, INSPECTION) for copy in range(args.copies + 1)]
    plain = compute(samples, by, variants[:1], cache=args.cache, progress=progress)
    yield "as it is", (plain, 1)
    if args.copies:
        copies = compute(samples, by, variants, cache=args.cache, progress=progress)
        yield f"{args.copies} copies", (copies, 1)
    if args.tiles:
        tiles = [_tile(sample, part, by.input.size_px, args.cache) for sample in samples for part in range(4)]
        found = compute(tiles, by, variants[:1], cache=args.cache, progress=progress)[0]
        views = found.reshape(len(samples), 4, -1).transpose(1, 0, 2)
        yield "2x2 tiles", (np.concatenate([plain, views]), 5)


def _network(name, size) -> Extractor:
    architecture, _, file = name.partition("=")
    if file.endswith(".pb"):
        return _of_graph(Path(file), size)
    return make_extractor(load_backbone(architecture, weights=file or None, size_px=size), pooled=True)


def _of_graph(path, size) -> Extractor:
    """Return a frozen graph up to its last tensor with positions, at any size."""
    tf = tensorflow()
    graph = load_graph(path)
    rule = graph.preprocessing
    size = size or rule.height
    definition = tf.compat.v1.graph_util.extract_sub_graph(graph.index.graph_def, [graph.head.features.node])

    class Model:
        output_shape = (None, 1, 1, graph.head.weights.shape[0])

        def __init__(self):
            def imported(real):
                source = {f"{graph.input}:0": real}
                feature = f"{graph.head.features.node}:0"
                return tf.import_graph_def(definition, source, [feature])[0]

            spec = tf.TensorSpec((None, size, size, 3), tf.float32)
            self._run = tf.compat.v1.wrap_function(imported, [spec])

        def __call__(self, real, *, training):
            assert not training
            return self._run(real)

    given = InputRule(size_px=size, resize=Resize.AREA, mean=tuple(rule.mean), std=tuple(rule.std))
    return Extractor(Model(), given, f"{hashlib.sha256(path.read_bytes()).hexdigest()} {given}", pooled=True)


def _tile(sample, part, size, cache):
    """Return a quarter of a picture, as large as the network's input, as a picture of its own."""
    path = cache / "tiles" / str(size) / f"{sample.sha256}_{part}.jpg"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = cv2.resize(sample.read(), (2 * size, 2 * size), interpolation=cv2.INTER_AREA)
        row, column = divmod(part, _TILES_PER_SIDE)
        tile = whole[row * size : (row + 1) * size, column * size : (column + 1) * size]
        cv2.imwrite(str(path), tile, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return replace(sample, path=path, mask=None)


class _Truth:
    """The questions, and which pictures answer them."""

    def __init__(self, samples, count):
        labels = [sample.labels for sample in samples]
        self._sets = np.array([sample.set_name for sample in samples])
        self._sources = np.array([sample.source for sample in samples])
        self._groups = np.array([sample.group for sample in samples])
        self._fold = split_by_group(samples, count)
        self._corroded = np.array(
            [{"corroded": 1, "uncorroded": 0}.get(one.get("corroded"), -1) for one in labels]
        )
        self._material = np.array(
            [{"steel": 1, "aluminium": 0}.get(one.get("material"), -1) for one in labels]
        )
        self._severity = np.array([{"late": 1, "mid": 0}.get(one.get("severity"), -1) for one in labels])

    def figures(self, parts):
        """Return every accuracy by what was asked of what, trained on what."""
        features, judged = parts
        found = {}
        for words, sets in _TRAINED_ON.items():
            trained = np.isin(self._sets, sets)
            said = self._by_folds(features, judged, self._corroded, trained)
            for name, chosen in self._condition_questions().items():
                found[f"{name} | {words}"] = _score(said, self._corroded, chosen)
        said = self._by_sources(features, judged, self._corroded)
        for name, chosen in self._condition_questions().items():
            found[f"{name} | left-out sources"] = _score(said, self._corroded, chosen)
        for name, truth in (("material", self._material), ("severity", self._severity)):
            chosen = np.isin(self._sets, ("surfaces", "aircraft"))
            found[f"{name} | other folds"] = _score(
                self._by_folds(features, judged, truth, chosen), truth, chosen
            )
            said = self._by_sources(features, judged, truth)
            found[f"{name} | left-out sources"] = _score(said, truth, chosen)
        return found

    def _condition_questions(self):
        questions = {f"{name}: any metal": self._sets == name for name in _SETS}
        questions["surfaces: steel"] = (self._sets == "surfaces") & (self._material == 1)
        return questions

    def _by_folds(self, features, judged, truth, trained):
        said = np.full(len(truth), np.nan)
        for fold in np.unique(self._fold):
            test = self._fold == fold
            said[test] = _judged(features, judged, truth, trained & ~test, test)
        return said

    def _by_sources(self, features, judged, truth):
        """Leave out each source with all its groups; a source whose lack leaves one label is not judged."""
        said = np.full(len(truth), np.nan)
        for source in np.unique(self._sources):
            test = np.isin(self._groups, self._groups[self._sources == source])
            if len(np.unique(truth[~test & (truth >= 0)])) == 2 and (truth[test] >= 0).any():
                said[test] = _judged(features, judged, truth, ~test, test)
        return said


def _judged(features, judged, truth, training, test):
    """Return the mean log-odds of the parts of the test pictures by a head trained on the others."""
    chosen = training & (truth >= 0)
    rows = features[:, chosen].reshape(-1, features.shape[-1]).astype(np.float32)
    scaler = StandardScaler().fit(rows)
    head = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=300, tol=1e-3)
    head.fit(scaler.transform(rows), np.tile(truth[chosen], len(features)))
    logits = [
        head.decision_function(scaler.transform(features[part, test].astype(np.float32)))
        for part in range(judged)
    ]
    return np.mean(logits, axis=0)


def _score(said, truth, chosen):
    known = chosen & (truth >= 0) & np.isfinite(said)
    right = (said[known] >= 0) == (truth[known] == 1)
    return {"right": float(right.mean()) if known.any() else None, "pictures": int(known.sum())}


def _print(table, seconds) -> None:
    print(
        f"\n{table['network']}, {table['size'] or 'its own'} px, {table['shown']}  ({seconds:.0f} s of heads)"
    )
    for name, score in table.items():
        if isinstance(score, dict) and score["right"] is not None:
            print(f"  {name:42}{score['right']:8.2%} of {score['pictures']}", flush=True)


if __name__ == "__main__":
    main()
