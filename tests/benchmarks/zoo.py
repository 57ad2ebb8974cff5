"""A zoo of source models beside their bundles, in float and int8, as one table.

Every row: on how many pictures of specimens that nothing was fitted to a bundle gives the label of the
original file, run in TensorFlow by its own ops, and the worst difference of a probability (the proof at the
source, for float and int8); accuracy before and after; size; what the conversion takes. What ought to be
refused is in the table too, with the sentence.

    python -m tests.benchmarks.zoo ../shared/data/surfaces [--only NAME] [--table FILE.md]
    python -m tests.benchmarks.zoo ../shared/data/surfaces --every-mode [--target tflite-runtime-2.14]

``--every-mode`` makes a row for each mode of ``convert``: does it load and hold its golden probe in that
runtime, on how many pictures does it keep the label of its float model there, how far are probabilities off,
how long does an inference take (one thread). int16x8 is tried on one small model only: it has no fast
kernels. A row that was made is kept in the work folder and not made again (``--again``); so are trained
weights.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.conversion.bundle_writer import MadeModel, assemble, write_bundle
from converter.conversion.target_runtime import RUNTIME_NAMES, prepare_environment
from converter.evaluation.float_agreement import StageLogits
from converter.graphs.cascade_file import CascadePlan, plan_single_graph
from converter.graphs.fuse import FusedGraph, fuse
from converter.graphs.trained_graph import TrainedGraph, load_graph
from converter.proof.picture_choice import PictureSet
from converter.proof.prover import SourceSaid, ask_about, prove_float, prove_quantized
from converter.quantize.conversion_process import ConversionProcess
from converter.quantize.request import Mode, Target
from converter.quantize.tflite_metadata import ModelDescription, add_metadata
from converter.quantize.type_audit import audit_types
from edge_node.errors import ConversionError, CorrosionError
from edge_node.inference.interpreter import RUNTIME_VARIABLE
from edge_node.inference.manifest import Provenance
from edge_node.inference.probabilities import label_probabilities
from edge_node.inference.resize import resize
from tests.benchmarks.zoo_models import MODELS
from tests.benchmarks.zoo_pictures import LABELS, load_pictures, truth
from tests.benchmarks.zoo_table import line, table
from tests.benchmarks.zoo_workshop import Workshop, ZooModel

if TYPE_CHECKING:
    from edge_node.inference.bundle import Bundle

_USUAL_MODES = (Mode.NONE, Mode.INT8)
_EVERY_MODE = (Mode.NONE, Mode.FLOAT16, Mode.DYNAMIC, Mode.INT8, Mode.INT8_FLOAT_IO, Mode.INT16X8)
_SLOW_MODES = {Mode.INT16X8}
_ASK_TIMEOUT_S = 1800


def main() -> int:
    """Print a line per model and mode as it is made, and write the table."""
    args = _arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    pictures = load_pictures(args.pictures, args.judge_on)
    shared = args.shared or next(up for up in args.pictures.resolve().parents if (up / "graphs").is_dir())
    workshop = Workshop(pictures, shared, args.work)
    modes = _EVERY_MODE if args.every_mode else _USUAL_MODES
    zoo = Zoo(workshop, Target(args.target), modes, args.calibrate_on, again=args.again)
    rows = []
    for name in args.only or MODELS:
        for row in zoo.rows(name, MODELS[name]):
            rows.append(row)
            print(line(row), flush=True)
            if args.table:
                text = table(rows, len(pictures.judged), every_mode=args.every_mode)
                args.table.write_text(text, encoding="utf-8")
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
    parser.add_argument("--every-mode", action="store_true", help="not float and int8 alone")
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


@dataclass(frozen=True)
class Bundles:
    """What was made of one source model: a bundle or a reason per mode, and what that took.

    Attributes:
        made: per mode; of a ``.tflite`` file its own mode alone.
        problems: per mode that was refused, in a sentence.
        cpu_s: processor time of the process that converts, all modes together.
        peak_memory_mb: of that process.
        answers: per mode, of the runtime.
    """

    made: dict[Mode, Bundle]
    problems: dict[Mode, str]
    cpu_s: float
    peak_memory_mb: float
    answers: dict[Mode, dict[str, np.ndarray]] = field(default_factory=dict)


class Zoo:
    """What all rows depend on."""

    def __init__(
        self, workshop: Workshop, target: Target, modes: tuple[Mode, ...], calibrate_on: int, *, again: bool
    ) -> None:
        self.workshop, self.target, self.modes = workshop, target, modes
        self.calibrate_on, self.again = calibrate_on, again
        self.judged = tuple(sample.read() for sample in workshop.pictures.judged)
        self.truth = truth(workshop.pictures.judged)
        self.bundles: dict[str, Bundles] = {}

    def rows(self, name: str, model: ZooModel):
        """Yield the rows of one model: those that were kept, or new ones."""
        kept = self.workshop.kept / "rows" / f"{self._key(name)}.json"
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
        modes = " ".join(mode.value for mode in self.modes)
        text = f"{name} {self.target.value} {modes} {self.calibrate_on} {chosen}"
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
        bundles = self._bundles(source, work)
        reference, said = None, None
        for mode in self._modes(source):
            row = self._row(source, bundles, mode, reference)
            if reference is None and "problem" not in row:
                reference = mode
                said, took = self._ask_source(source, bundles, mode, work)
                row |= took
            if said is not None and mode in {reference, Mode.INT8} and "problem" not in row:
                row |= self._prove(said, bundles, reference, mode)
            yield row

    def _modes(self, source: Source) -> tuple[Mode, ...]:
        if source.fused.ready is not None:
            return (Mode(source.fused.ready.mode),)
        return tuple(mode for mode in self.modes if mode not in _SLOW_MODES or source.model.all_modes)

    def _bundles(self, source: Source, work: Path) -> Bundles:
        """Return a bundle per mode, made in one process as ``convert`` makes them."""
        key = _key_of_bundles(source)
        if key in self.bundles:
            return self.bundles[key]
        made, problems, peaks_mb, before_s = {}, {}, [0.0], _children_cpu_s()
        with ConversionProcess(work) as process:
            for mode in self._modes(source):
                try:
                    made[mode] = self._bundle(source, mode, process, work, peaks_mb)
                except CorrosionError as err:
                    problems[mode] = str(err)
        self.bundles[key] = Bundles(made, problems, _children_cpu_s() - before_s, max(peaks_mb))
        return self.bundles[key]

    def _bundle(
        self, source: Source, mode: Mode, process: ConversionProcess, work: Path, peaks_mb: list[float]
    ) -> Bundle:
        fused = source.fused
        if fused.ready is not None:
            made = MadeModel(fused, mode, fused.ready.content)
            return assemble(source.plan, [made], Provenance(graphs=(), tools={}))
        rule = fused.preprocessing
        pixels = None
        if mode.needs_calibration:
            chosen = self.workshop.pictures.calibration(self.calibrate_on)
            pixels = np.stack([resize(picture, rule.height, rule.width, rule.resize) for picture in chosen])
        converted = process.convert(fused, mode, pixels, self.target, (), work, lambda _share: None)
        peaks_mb.append(converted.result.peak_memory_mb)
        audit_types(source.name, converted.content, mode)
        described = ModelDescription(
            name=source.plan.name,
            version="1",
            licence="not stated",
            description=source.name,
            preprocessing=rule,
            labels={output.tensor: LABELS for output in fused.outputs},
            independent=frozenset(output.tensor for output in fused.outputs if output.independent),
        )
        made = MadeModel(fused, mode, add_metadata(converted.content, described))
        return assemble(source.plan, [made], Provenance(graphs=(), tools={}))

    def _row(self, source: Source, bundles: Bundles, mode: Mode, reference: Mode | None) -> dict[str, Any]:
        row = {
            "model": source.name,
            "weights": source.model.weights,
            "architecture": source.graph.architecture,
            "kind": source.graph.file.kind,
            "map": source.graph.head is not None,
            "ready": source.fused.ready is not None,
            "mode": mode.value,
            "target": self.target.value,
            "cpu_s": bundles.cpu_s,
            "peak_memory_mb": bundles.peak_memory_mb,
        }
        if mode in bundles.problems:
            return row | {"problem": bundles.problems[mode]}
        bundle = bundles.made[mode]
        try:
            found = bundles.answers[mode] = bundles.answers.get(mode) or self._asked(bundle)
        except CorrosionError as err:
            return row | {"problem": str(err)}
        said = _probabilities(bundle, found)
        row |= {
            "probe": float(found["probe"]),
            "ms": float(found["ms"]),
            "megabytes": bundle.manifest.models[0].size_bytes / 1e6,
            "right": float((said.argmax(axis=1) == self.truth).mean()),
        }
        if reference is not None:
            floats = _probabilities(bundles.made[reference], bundles.answers[reference])
            off = np.abs(said - floats).max(axis=1)
            row["same_label"] = float((said.argmax(axis=1) == floats.argmax(axis=1)).mean())
            row["mean_difference"], row["max_difference"] = float(off.mean()), float(off.max())
            row["right_float"] = float((floats.argmax(axis=1) == self.truth).mean())
        return row

    def _asked(self, bundle: Bundle) -> dict[str, np.ndarray]:
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
                return {name: found[name] for name in found.files}

    def _python(self) -> str:
        return sys.executable if self.target is Target.LITERT else prepare_environment(self.target)

    def _runtime(self) -> dict[str, str]:
        return {} if self.target is Target.LITERT else {RUNTIME_VARIABLE: RUNTIME_NAMES[self.target]}

    def _ask_source(
        self, source: Source, bundles: Bundles, mode: Mode, work: Path
    ) -> tuple[SourceSaid | None, dict[str, Any]]:
        """Return what the original file says of chosen pictures in TensorFlow, with what that took."""
        samples = self.workshop.pictures.judged
        stage = source.plan.stages[0].stage.name
        pictures = PictureSet(
            tuple(sample.path for sample in samples),
            lambda at: self.judged[at],
            len(samples),
            {stage: self.truth},
        )
        bundle, folder, before_s = bundles.made[mode], work / "source", _children_cpu_s()
        folder.mkdir()
        try:
            said = ask_about(source.plan, pictures, bundle, _logits(bundle, bundles.answers[mode]), folder)
        except CorrosionError as err:
            return None, {"disagreement": str(err)}
        return said, {"source_cpu_s": _children_cpu_s() - before_s, "source_mb": said.result.peak_memory_mb}

    @staticmethod
    def _prove(said: SourceSaid, bundles: Bundles, reference: Mode, mode: Mode) -> dict[str, Any]:
        """Return how often a bundle gives its source's label, and the worst probability difference."""
        floats = bundles.made[reference]
        try:
            proof = prove_float(said, floats, _logits(floats, bundles.answers[reference]))
            if mode is not reference:
                proof = prove_quantized(proof, said, bundles.made[mode], None)
        except CorrosionError as err:
            return {"disagreement": str(err)}
        (stage,) = proof.stages
        found = stage.quantized or stage.in_float
        told = {
            "source_same": found.same,
            "source_asked": found.pictures,
            "source_clear": found.clear,
            "source_clear_same": found.clear_same,
            "source_worst": found.worst,
        }
        return told if proof.proved else told | {"disagreement": proof.reason}


def _logits(bundle: Bundle, answers: dict[str, np.ndarray]) -> StageLogits:
    (stage,) = bundle.manifest.cascade.stages
    return StageLogits({stage.name: answers["logits"]}, {stage.name: float(answers["saturated"])})


def _probabilities(bundle: Bundle, answers: dict[str, np.ndarray]) -> np.ndarray:
    (stage,) = bundle.manifest.cascade.stages
    return label_probabilities(stage, answers["logits"], 1.0)


def _key_of_bundles(source: Source) -> str:
    # The graphs of 2015 differ in their version alone; what is equal by now need not be made again.
    fused = source.fused
    content = fused.ready.content if fused.ready else fused.graph_def.SerializeToString(deterministic=True)
    return f"{hashlib.sha256(content).hexdigest()} {fused.preprocessing} {fused.outputs}"


def _children_cpu_s() -> float:
    """Return the processor time of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    raise SystemExit(main())
