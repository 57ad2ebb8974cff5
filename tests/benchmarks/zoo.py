"""A zoo of source models through the modes of ``convert`` and in the runtime of a target, as one table.

Every row: does it convert, load and hold its golden probe in that runtime; on how many pictures of specimens
that nothing was fitted to it keeps the label of its float model *in that runtime*; how far its probabilities
are off, at most and on average, so that near ties show; accuracy before and after; size; time (one thread).
``TensorFlow`` is the proof at the source, for float and int8: on how many pictures a bundle gives the label
of the original file, run in TensorFlow by its own ops, and the worst difference of a probability. What ought
to be refused is in the table too, with the sentence.

    python -m tests.benchmarks.zoo ../shared/data/surfaces [--target tflite-runtime-2.14] [--only NAME]

A row that was made is kept in the work folder and not made again (``--again``); so are trained weights.
int16x8 is tried on one small model only: it has no fast kernels.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.conversion.bundle_writer import MadeModel, assemble, write_bundle
from converter.conversion.target_runtime import RUNTIME_NAMES, prepare_environment
from converter.evaluation.float_agreement import run_model
from converter.graphs.cascade_file import CascadePlan, plan_single_graph
from converter.graphs.fuse import FusedGraph, fuse
from converter.graphs.trained_graph import TrainedGraph, load_graph
from converter.proof.picture_choice import PictureSet
from converter.proof.prover import SourceSaid, ask_about, prove_float, prove_quantized
from converter.quantize.conversion_process import convert_graph
from converter.quantize.request import Mode, Target
from converter.quantize.tflite_metadata import ModelDescription, add_metadata
from converter.quantize.type_audit import audit_types
from edge_node.errors import ConversionError, CorrosionError
from edge_node.inference.engine import Engine
from edge_node.inference.interpreter import RUNTIME_VARIABLE
from edge_node.inference.manifest import Provenance
from edge_node.inference.resize import resize
from tests.benchmarks.zoo_models import MODELS, Workshop, ZooModel
from tests.benchmarks.zoo_pictures import LABELS, load_pictures, truth

if TYPE_CHECKING:
    from edge_node.inference.bundle import Bundle

_SLOW_MODES = {Mode.INT16X8}
_ASK_TIMEOUT_S = 1800
_COLUMNS = (
    "model | mode | loads, probe | MB | ms | TensorFlow | same label | mean | max | right: float | mode | map"
)


def main() -> int:
    """Print a line per model and mode as it is made, and write the table."""
    args = _arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    pictures = load_pictures(args.pictures, args.judge_on)
    shared = args.shared or next(up for up in args.pictures.resolve().parents if (up / "graphs").is_dir())
    workshop = Workshop(pictures, shared, args.work)
    zoo = Zoo(workshop, Target(args.target), args.calibrate_on, args.work, again=args.again)
    rows = []
    for name in args.only or MODELS:
        for row in zoo.rows(name, MODELS[name]):
            rows.append(row)
            print(line(row), flush=True)
            if args.table:
                args.table.write_text(table(rows, args.target, len(pictures.judged)), encoding="utf-8")
            if args.json:
                args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path, help="photographs with a labels.csv there or above")
    parser.add_argument(
        "--shared", type=Path, help="folder with graphs/ and backbones/; default: found above"
    )
    parser.add_argument("--target", choices=[target.value for target in Target], default=Target.LITERT.value)
    parser.add_argument("--only", action="append", choices=list(MODELS), help="may be given several times")
    parser.add_argument("--calibrate-on", type=int, default=50, metavar="N")
    parser.add_argument("--judge-on", type=int, default=120, metavar="N")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "corrosion-zoo")
    parser.add_argument("--again", action="store_true", help="make rows that are there already")
    parser.add_argument("--table", type=Path, metavar="FILE.md")
    parser.add_argument("--json", type=Path, metavar="FILE.json")
    return parser.parse_args()


@dataclass(frozen=True)
class Source:
    """One source model read: with what ``convert`` would make of it."""

    name: str
    model: ZooModel
    path: Path
    graph: TrainedGraph
    fused: FusedGraph
    plan: CascadePlan


class Zoo:
    """What all rows depend on."""

    def __init__(
        self, workshop: Workshop, target: Target, calibrate_on: int, work: Path, *, again: bool
    ) -> None:
        self.workshop, self.target, self.calibrate_on, self.again = workshop, target, calibrate_on, again
        self.work = work
        self.judged = tuple(sample.read() for sample in workshop.pictures.judged)
        self.truth = truth(workshop.pictures.judged)
        self.answers: dict[str, dict[str, Any]] = {}
        self.bundles: dict[str, Bundle] = {}

    def rows(self, name: str, model: ZooModel):
        """Yield the rows of one model: those that were kept, or new ones."""
        kept = self.work / "rows" / f"{self._key(name)}.json"
        if kept.exists() and not self.again:
            yield from json.loads(kept.read_text(encoding="utf-8"))
            return
        rows = []
        with tempfile.TemporaryDirectory(prefix="corrosion-zoo-") as folder:
            for row in self._made(name, model, Path(folder)):
                rows.append(row)
                yield row
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(rows), encoding="utf-8")

    def _key(self, name: str) -> str:
        pictures = self.workshop.pictures
        chosen = "".join(str(sample.path) for sample in (*pictures.training, *pictures.judged))
        text = f"{name} {self.target.value} {self.calibrate_on} {chosen}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _made(self, name: str, model: ZooModel, folder: Path):
        path = folder / "source"
        path.mkdir()
        try:
            path = model.build(self.workshop, path)
            graph = load_graph(path, model.told)
            plan = plan_single_graph(path, folder / "source" / "retrained_labels.txt", model.told)
            (fused,) = fuse({plan.stages[0].stage.name: graph})
        except CorrosionError as err:
            refusal = str(err).removeprefix(str(path)).lstrip(": ")
            yield {"model": name, "weights": model.weights, "mode": "", "problem": f"refused: {refusal}"}
            return
        source = Source(name, model, path, graph, fused, plan)
        work = folder / "conversion"
        work.mkdir()
        reference, said = None, None
        for mode in (Mode.NONE, Mode.FLOAT16, Mode.DYNAMIC, Mode.INT8, Mode.INT8_FLOAT_IO, Mode.INT16X8):
            if mode in _SLOW_MODES and not model.all_modes:
                continue
            row = self._row(source, mode, work, reference)
            if mode is Mode.NONE and "probabilities" in row:
                reference = np.array(row["probabilities"])
                said = self._ask_source(source, work)
            if said is not None and mode in {Mode.NONE, Mode.INT8} and "problem" not in row:
                row["source"] = self._prove(source, said, mode)
            row.pop("probabilities", None)
            yield row

    def _row(self, source: Source, mode: Mode, work: Path, reference: np.ndarray | None) -> dict[str, Any]:
        row = {
            "model": source.name,
            "weights": source.model.weights,
            "architecture": source.graph.architecture,
            "kind": source.graph.file.kind,
            "map": source.graph.head is not None,
            "mode": mode.value,
            "target": self.target.value,
        }
        key = _key_of_answers(source, mode)
        try:
            if key not in self.answers:
                self.answers[key] = self._answers(source, mode, work)
            row |= self.answers[key]
        except CorrosionError as err:
            return row | {"problem": str(err)}
        said = np.array(row["probabilities"])
        row["right"] = float((said.argmax(axis=1) == self.truth).mean())
        row["judged"] = len(said)
        if reference is not None:
            off = np.abs(said - reference).max(axis=1)
            row["same_label"] = float((said.argmax(axis=1) == reference.argmax(axis=1)).mean())
            row["mean_difference"], row["max_difference"] = float(off.mean()), float(off.max())
            row["right_float"] = float((reference.argmax(axis=1) == self.truth).mean())
        return row

    def _answers(self, source: Source, mode: Mode, work: Path) -> dict[str, Any]:
        started = time.perf_counter()
        bundle = self.bundles[_key_of_answers(source, mode)] = self._bundle(source, mode, work)
        seconds = time.perf_counter() - started
        return self._asked(bundle) | {
            "megabytes": bundle.manifest.models[0].size_bytes / 1e6,
            "conversion_s": seconds,
        }

    def _bundle(self, source: Source, mode: Mode, work: Path) -> Bundle:
        """Return what ``convert`` makes of a graph, by its own steps."""
        rule = source.fused.preprocessing
        pixels = None
        if mode.needs_calibration:
            chosen = self.workshop.pictures.calibration(self.calibrate_on)
            pixels = np.stack([resize(picture, rule.height, rule.width, rule.resize) for picture in chosen])
        converted = convert_graph(source.fused, mode, pixels, self.target, work=work)
        audit_types(source.name, converted.content, mode)
        described = ModelDescription(
            name=source.plan.name,
            version="1",
            licence="not stated",
            description=source.name,
            preprocessing=rule,
            labels={output.tensor: LABELS for output in source.fused.outputs},
        )
        made = MadeModel(source.fused, mode, add_metadata(converted.content, described))
        return assemble(source.plan, [made], Provenance(graphs=(), tools={}))

    def _asked(self, bundle: Bundle) -> dict[str, Any]:
        """Return what a bundle says in the target's runtime, in a process of that runtime's environment."""
        with tempfile.TemporaryDirectory(prefix="corrosion-zoo-ask-") as name:
            folder = Path(name)
            write_bundle(bundle, folder / "bundle", {})
            np.savez(folder / "pictures.npz", **{f"{at:05}": pixels for at, pixels in enumerate(self.judged)})
            files = [str(folder / name) for name in ("bundle", "pictures.npz", "answers.npz")]
            done = subprocess.run(
                [self._python(), "-m", "tests.benchmarks.zoo_ask", *files],
                cwd=Path(__file__).parents[2],
                env={**os.environ, **self._runtime()},
                capture_output=True,
                text=True,
                timeout=_ASK_TIMEOUT_S,
                check=False,
            )
            if done.returncode:
                said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
                raise ConversionError(f"{self.target.value}: {said}")
            with np.load(folder / "answers.npz") as found:
                return {name: found[name].tolist() for name in found.files}

    def _python(self) -> str:
        return sys.executable if self.target is Target.LITERT else prepare_environment(self.target)

    def _runtime(self) -> dict[str, str]:
        return {} if self.target is Target.LITERT else {RUNTIME_VARIABLE: RUNTIME_NAMES[self.target]}

    def _ask_source(self, source: Source, work: Path) -> SourceSaid:
        """Return what the original file says of a choice of the pictures, in TensorFlow."""
        samples = self.workshop.pictures.judged
        stage = source.plan.stages[0].stage.name
        pictures = PictureSet(
            tuple(sample.path for sample in samples),
            lambda at: self.judged[at],
            len(samples),
            {stage: self.truth},
        )
        bundle = self.bundles[_key_of_answers(source, Mode.NONE)]
        folder = work / "source"
        folder.mkdir()
        return ask_about(source.plan, pictures, bundle, run_model(Engine(bundle), self.judged), folder)

    def _prove(self, source: Source, said: SourceSaid, mode: Mode) -> str:
        """Return how often a bundle gives its source's label, and the worst probability difference."""
        reference = self.bundles[_key_of_answers(source, Mode.NONE)]
        try:
            proof = prove_float(said, reference, run_model(Engine(reference), self.judged))
            if mode is not Mode.NONE:
                proof = prove_quantized(proof, said, self.bundles[_key_of_answers(source, mode)], None)
        except CorrosionError as err:
            return str(err)
        (stage,) = proof.stages
        found = stage.quantized or stage.in_float
        return f"{found.same}/{found.pictures}, {found.worst:.4f}"


def _key_of_answers(source: Source, mode: Mode) -> str:
    # The graphs of 2015 differ in their version alone; what is equal by now need not be made again.
    digest = hashlib.sha256(source.fused.graph_def.SerializeToString(deterministic=True)).hexdigest()
    return f"{digest} {source.fused.preprocessing} {mode.value}"


def line(row: dict[str, Any]) -> str:
    """Return a row of the table as Markdown."""
    if "problem" in row:
        return f"| {row['model']} | {row['mode']} | {row['problem']} |"
    cells = [
        row["model"],
        row["mode"],
        f"yes, {row['probe']:.2f}",
        f"{row['megabytes']:.2f}",
        f"{row['ms']:.1f}",
        row.get("source", ""),
    ]
    if "same_label" in row:
        cells += [
            f"{row['same_label']:.1%}",
            f"{row['mean_difference']:.4f}",
            f"{row['max_difference']:.4f}",
            f"{row['right_float']:.1%}",
        ]
    else:
        cells += ["reference", "", "", f"{row['right']:.1%}"]
    cells += [f"{row['right']:.1%}", "yes" if row["map"] else "no"]
    return f"| {' | '.join(cells)} |"


def table(rows: list[dict[str, Any]], target: str, judged: int) -> str:
    """Return the whole table as Markdown, with what it was made on."""
    heading = f"| {_COLUMNS} |\n|{' --- |' * len(_COLUMNS.split('|'))}\n"
    return (
        f"# {target}, {judged} pictures of steel on which nothing was fitted\n\n"
        f"{heading}{chr(10).join(line(row) for row in rows)}\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
