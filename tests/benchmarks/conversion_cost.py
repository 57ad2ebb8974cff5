"""What a conversion to int8 costs beside TensorFlow's bare converter, and what it gives, in one run.

Each way of converting runs in turn, round after round; the medians are compared. Processor time and memory
are those of the command and of all processes that it starts; memory is the largest of them. "same label" is
the share of pictures on which the int8 model chooses the label of the original graph in TensorFlow, over all
stages, through the node's own preprocessing; calibration pictures are among them, for all ways alike.

    python -m tests.benchmarks.conversion_cost GRAPH.pb|CASCADE.toml PICTURES [--rounds N] [--every N]

The bare converter (`plain_conversion.py`, thirty lines) takes one MobileNet graph after another; a cascade's
graphs become as many files, whose sizes are added.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from converter.data.calibration_pictures import choose, find_pictures
from converter.graphs.cascade_file import CascadePlan, plan_single_graph, read_cascade
from converter.graphs.scaling import GraphFlags
from edge_node.camera.picture import read_picture
from edge_node.inference.bundle import load_bundle
from edge_node.inference.interpreter import Interpreter
from edge_node.inference.manifest import InputTensor
from edge_node.inference.preprocess import input_tensor
from edge_node.inference.quantization import dequantize
from tests.benchmarks.bundle_agreement import pictures_below, probabilities_of_bundle

CALIBRATION_PICTURES, SEED = 200, 0  # the converter's defaults
WAYS = {
    "bare TFLiteConverter": None,
    "convert": [],
    "convert --no-source-proof": ["--no-source-proof"],
    "convert --draft": ["--draft"],
}
ASK_TENSORFLOW = """
import sys, numpy as np
from pathlib import Path
from converter.tensorflow_import import tensorflow
tf = tensorflow()
tensors, out, *graphs = sys.argv[1:]
pictures, found = np.load(tensors), {}
for stage, path in zip(graphs[::2], graphs[1::2]):
    definition = tf.compat.v1.GraphDef()
    definition.ParseFromString(Path(path).read_bytes())
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(definition, name="")
        rows = [session.run("final_result:0", {"input:0": picture[None]})[0] for picture in pictures]
    found[stage] = np.stack(rows)
np.savez(out, **found)
"""


@dataclass
class Cost:
    """One run: wall time, processor time of all processes, memory of the largest."""

    seconds: float
    cpu_s: float
    peak_mb: float


def main() -> int:
    """Print a row per way of converting."""
    args = _arguments()
    plan = read_cascade(args.source) if args.source.suffix == ".toml" else _plan_graph(args.source)
    pictures = pictures_below(args.pictures)[:: args.every]
    with tempfile.TemporaryDirectory(prefix="corrosion-cost-") as name:
        work = Path(name)
        listed = work / "calibration.txt"
        chosen = choose(args.pictures, find_pictures(args.pictures), CALIBRATION_PICTURES, SEED)
        listed.write_text("\n".join(map(str, chosen)), encoding="utf-8")
        costs: dict[str, list[Cost]] = {way: [] for way in WAYS}
        for at in range(args.rounds):
            for way in WAYS:
                print(f"round {at + 1} of {args.rounds}: {way}", file=sys.stderr)
                costs[way].append(_convert(way, args, plan, listed, work))
        wanted = _ask_tensorflow(plan, pictures, work)
        rows = [_describe(way, costs, _judge(way, plan, wanted, pictures, work)) for way in WAYS]
    print(f"{args.source.parent.name}, {len(pictures)} pictures, {args.rounds} rounds, medians")
    print(f"{'':<26}{'seconds':>8}{'CPU s':>8}{'ratio':>7}{'peak MB':>9}{'same label':>12}{'MB':>7}")
    for row in rows:
        print(row["text"])
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, metavar="GRAPH.pb|CASCADE.toml")
    parser.add_argument("pictures", type=Path, help="calibrated and judged on")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=int, default=1, help="judge every Nth picture")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    return parser.parse_args()


def _plan_graph(path: Path) -> CascadePlan:
    return plan_single_graph(path, None, GraphFlags())


def _convert(way: str, args: argparse.Namespace, plan: CascadePlan, listed: Path, work: Path) -> Cost:
    if (flags := WAYS[way]) is not None:
        command = ["-m", "converter.cli", "convert", "--quantize", str(args.source), "--force"]
        command += ["--calibration", str(args.pictures), "--out", str(work / way), *flags]
        return _measure([sys.executable, *command])
    script = str(Path(__file__).with_name("plain_conversion.py"))
    runs = [
        _measure(
            [
                *(sys.executable, script, str(planned.graph), str(listed)),
                *(str(work / f"{planned.stage.name}.tflite"), "final_result"),
            ]
        )
        for planned in plan.stages
    ]
    return Cost(
        sum(run.seconds for run in runs), sum(run.cpu_s for run in runs), max(run.peak_mb for run in runs)
    )


def _measure(command: list[str]) -> Cost:
    """Run a command; its resource usage holds that of its children too."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    started = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)}\n{said.read().decode(errors='replace')[-2000:]}")
    process.returncode = 0  # it is waited for already
    seconds = time.monotonic() - started
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3)


def _ask_tensorflow(plan: CascadePlan, pictures: list[Path], work: Path) -> dict[str, np.ndarray]:
    spec = InputTensor(shape=(1, 224, 224, 3), dtype="float32")
    tensors, out = work / "tensors.npy", work / "wanted.npz"
    np.save(tensors, np.concatenate([input_tensor(read_picture(path), spec) for path in pictures]))
    graphs = [word for planned in plan.stages for word in (planned.stage.name, str(planned.graph))]
    _measure([sys.executable, "-c", ASK_TENSORFLOW, str(tensors), str(out), *graphs])
    tensors.unlink()
    with np.load(out) as found:
        return dict(found)


def _judge(
    way: str, plan: CascadePlan, wanted: dict[str, np.ndarray], pictures: list[Path], work: Path
) -> tuple[float, float]:
    """Return the share of equal labels over all stages, and the megabytes of the models."""
    if WAYS[way] is None:
        files = [work / f"{planned.stage.name}.tflite" for planned in plan.stages]
        answers = {file.stem: _ask_file(file.read_bytes(), pictures) for file in files}
        size = sum(file.stat().st_size for file in files)
    else:
        bundle = load_bundle(work / way)
        answers = probabilities_of_bundle(bundle, pictures)
        size = sum(model.size_bytes for model in bundle.manifest.models)
    same = [(answers[stage].argmax(axis=1) == rows.argmax(axis=1)).mean() for stage, rows in wanted.items()]
    return float(np.mean(same)), size / 1e6


def _ask_file(content: bytes, pictures: list[Path]) -> np.ndarray:
    interpreter = Interpreter(content, where="bare")
    (entry,), (output,) = interpreter.inputs, interpreter.outputs
    scaling = {"scale": entry.quantization.scale, "zero_point": entry.quantization.zero_point}
    spec = InputTensor(shape=(1, 224, 224, 3), dtype="uint8", **scaling)
    rows = [interpreter.run(input_tensor(read_picture(path), spec))[output.name] for path in pictures]
    return np.concatenate([dequantize(row, output.quantization) for row in rows])


def _describe(way: str, costs: dict[str, list[Cost]], judged: tuple[float, float]) -> dict[str, object]:
    runs, (same, size_mb) = costs[way], judged
    ratios = [run.cpu_s / bare.cpu_s for run, bare in zip(runs, costs["bare TFLiteConverter"], strict=True)]
    cpu_s, seconds = median(run.cpu_s for run in runs), median(run.seconds for run in runs)
    peak_mb, ratio = max(run.peak_mb for run in runs), median(ratios)
    text = f"{way:<26}{seconds:>8.1f}{cpu_s:>8.1f}{ratio:>7.2f}{peak_mb:>9.0f}{same:>12.2%}{size_mb:>7.2f}"
    return {
        "way": way,
        "seconds": seconds,
        "cpu_s": cpu_s,
        "ratio": ratio,
        "peak_mb": peak_mb,
        "same_label": same,
        "megabytes": size_mb,
        "text": text,
    }


if __name__ == "__main__":
    raise SystemExit(main())
