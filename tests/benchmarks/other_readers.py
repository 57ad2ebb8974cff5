"""Run the files of ``converter classes`` in MediaPipe and tflite-support, and compare with the node's labels.

    python -m tests.benchmarks.other_readers [--mediapipe PYTHON] [--tflite-support PYTHON] [--pictures DIR]

PYTHON is an interpreter that has the tool: ``python3.11 -m venv v`` and ``v/bin/pip install mediapipe``, or
``tflite-support 'numpy<2'``, which needs Python 3.11 or older. The third reader is the script that
``converter classes`` writes, with the interpreter of this environment.

Each row is one stage; each cell says on how many of the pictures a reader's first label is the node's: with
pictures of the input's size, resized as the node does it, and with the pictures as they are, which the reader
resizes in its own way. The default bundle comes first; then bundles that want blue first, means of their own,
sigmoids with thresholds, and a float model that is not square.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.conversion.class_files import make_class_file, node_probabilities, read_script
from converter.data.calibration_pictures import choose, find_pictures
from edge_node.camera.picture import read_judged
from edge_node.inference.cascade import choose_label
from edge_node.inference.engine import Engine
from edge_node.inference.resize import resize
from tests.support.stage_bundles import default_bundle, with_input, with_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from edge_node.inference.bundle import Bundle
    from edge_node.inference.manifest import Stage

_MEDIAPIPE = """
import json, sys
import mediapipe
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import ImageClassifier, ImageClassifierOptions
model, *names = sys.argv[1:]
options = ImageClassifierOptions(base_options=BaseOptions(model_asset_path=model), max_results=1)
with ImageClassifier.create_from_options(options) as reader:
    for name in names:
        found = reader.classify(mediapipe.Image.create_from_file(name))
        print(json.dumps([name, found.classifications[0].categories[0].category_name]))
"""
_TFLITE_SUPPORT = """
import json, sys
from tflite_support.task import vision
model, *names = sys.argv[1:]
reader = vision.ImageClassifier.create_from_file(model)
for name in names:
    found = reader.classify(vision.TensorImage.create_from_file(name))
    print(json.dumps([name, found.classifications[0].categories[0].category_name]))
"""


def main() -> None:
    """Print a row for each stage of each bundle."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mediapipe", type=Path, metavar="PYTHON")
    parser.add_argument("--tflite-support", type=Path, metavar="PYTHON")
    parser.add_argument("--pictures", type=Path, default=Path("../shared/data/surfaces"))
    parser.add_argument("--count", type=int, default=50)
    args = parser.parse_args()
    given = {
        "MediaPipe": (args.mediapipe, _MEDIAPIPE),
        "tflite-support": (args.tflite_support, _TFLITE_SUPPORT),
    }
    readers = {name: (python, code) for name, (python, code) in given.items() if python is not None}
    readers["script"] = (Path(sys.executable), read_script())
    heading = "".join(f"{name:>24}" for name in readers)
    print(f"{'':28}{heading}\n{'stage':28}{'  input size, own resize' * len(readers)}")
    paths = choose(args.pictures, find_pictures(args.pictures), args.count, 0)
    pictures = [read_judged(path) for path in paths]
    with tempfile.TemporaryDirectory() as name:
        for title, bundle in _list_bundles(Path(name)):
            engine = Engine(bundle, threads=1)
            for stage in bundle.manifest.cascade.stages:
                folder = Path(name) / title / stage.name
                folder.mkdir(parents=True)
                cells = _measure(engine, stage, pictures, readers, folder)
                print(f"{f'{title}: {stage.name}'[:27]:28}{''.join(cells)}", flush=True)


def _measure(
    engine: Engine,
    stage: Stage,
    pictures: Sequence[NDArray[np.uint8]],
    readers: Mapping[str, tuple[Path, str]],
    folder: Path,
) -> list[str]:
    """Return a cell for each reader."""
    bundle = engine.bundle
    file = folder / f"{stage.name}.tflite"
    file.write_bytes(make_class_file(bundle, engine, stage, keep_probabilities=False).content)
    spec = bundle.manifest.model(stage.model).input
    wanted, sized, whole = list[str](), list[str](), list[str]()
    for at, pixels in enumerate(pictures):
        small = np.asarray(resize(pixels, spec.shape[1], spec.shape[2], spec.resize), np.uint8)
        for names, kind, content in ((sized, "sized", small), (whole, "whole", pixels)):
            names.append(str(folder / f"{at:03}-{kind}.png"))
            cv2.imwrite(names[-1], content)
        chosen = choose_label(stage, node_probabilities(bundle, engine, stage, pixels))
        wanted.append(stage.labels[chosen])
    cells = list[str]()
    for python, code in readers.values():
        found = _read(python, code, file, [*sized, *whole])
        right = [
            sum(found[name] == label for name, label in zip(names, wanted, strict=True))
            for names in (sized, whole)
        ]
        cells.append(f"{f'{right[0]} of {len(wanted)}':>12}{f'{right[1]} of {len(wanted)}':>12}")
    return cells


def _read(python: Path, code: str, file: Path, names: Sequence[str]) -> dict[str, str]:
    """Return a reader's first label of each picture."""
    ran = subprocess.run(
        [str(python), "-c", code, str(file), *names], capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise SystemExit(f"{python}: {ran.stderr[-2000:]}")
    found = dict[str, str]()
    for line in ran.stdout.splitlines():
        if line.startswith("["):
            name, label = json.loads(line)
            found[name] = label
        elif ": " in line:  # the script: NAME: LABEL PROBABILITY
            name, _, rest = line.partition(": ")
            found[name] = rest.rpartition(" ")[0]
    return found


def _list_bundles(work: Path) -> Iterator[tuple[str, Bundle]]:
    """Yield bundles of every kind, each with its title."""
    default = default_bundle()
    yield "default", default
    yield (
        "blue first, means",
        with_input(default, colour_order="BGR", mean=(103.9, 116.8, 123.7), std=(60.0, 58.0, 57.0)),
    )
    labels, thresholds = ("rust", "steel"), {"rust": 0.7, "steel": 0.3}
    yield (
        "sigmoids",
        with_root(default, labels=labels, label_thresholds=thresholds, temperature=1.7),
    )
    yield "float, not square", _make_float(work)


def _make_float(work: Path) -> Bundle:
    """Return the bundle of a small float graph whose input is twice as wide as high, blue first."""
    from converter.graphs.scaling import GraphFlags
    from tests.support.entry_graphs import body, float_bundle, placeholder, written

    graph = written(work / "graph", lambda: body(placeholder(None, 24, 48, 3)))
    flags = GraphFlags(
        input_mean=(103.9, 116.8, 123.7), input_std=(60.0, 58.0, 57.0), input_colour_order="BGR"
    )
    return float_bundle(graph, work / "float", flags)


if __name__ == "__main__":
    main()
