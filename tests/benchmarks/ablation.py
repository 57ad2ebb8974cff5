"""Measure what each int8 correction step brings: convert with all steps, and with one of them left out.

    python -m tests.benchmarks.ablation ../shared/data/surfaces [--network NAME ...] [--seed N ...]
        [--without STEP[+STEP] ...] [--table T.md] [--json RESULTS.json]

Each model classifies pictures of specimens that no head was trained on here and no range was measured on. A
label is kept if the float model predicts it too; shares are means over the heads. A step that changes nothing
in a network is not left out of it. Conversions that RESULTS.json holds are not made again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.conversion.bundle_writer import MadeModel, assemble
from converter.data.calibration_pictures import choose
from converter.data.dataset import Sample, load_dataset
from converter.data.splits import split, with_groups
from converter.evaluation.float_agreement import StageLogits, compare, run_model
from converter.graphs.fuse import fuse
from converter.graphs.trained_graph import load_graph
from converter.quantize.conversion_process import convert_graph
from converter.quantize.request import Mode, Target, make_request, write_request
from edge_node.inference.engine import Engine
from edge_node.inference.manifest import Provenance
from edge_node.inference.resize import resize
from tests.benchmarks.ablation_chain import STEPS, convert_without, count_lines
from tests.benchmarks.ablation_networks import NETWORKS, build_network

if TYPE_CHECKING:
    from converter.graphs.cascade_file import CascadePlan
    from converter.graphs.fuse import FusedGraph
    from edge_node.inference.bundle import Bundle

_COLUMNS = (
    "network | seed | step left out | labels kept % | of | points lost | CPU s | the step's own | its lines"
)
_JUDGED_PERCENT = 50.0  # of the specimens: 534 pictures of ``surfaces``
_CALIBRATION_PICTURES = 200  # the default of ``convert``


def main() -> int:
    """Convert and compare; write the results after every conversion, and the table at the end."""
    args = _parse_arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = json.loads(args.json.read_text()) if args.json.exists() else []
    training, judged = split_pictures(args.pictures)
    for name in args.network or NETWORKS:
        plan = build_network(name, training, args.shared or args.pictures.resolve().parents[1], args.work)
        graphs = {planned.stage.name: load_graph(planned.graph, planned.flags) for planned in plan.stages}
        (graph,) = fuse(graphs)
        for seed in args.seed or [0]:
            ablation = Ablation(plan, graph, choose_calibration(args.pictures, training, seed), judged)
            made = {row["without"]: row for row in rows if (row["network"], row["seed"]) == (name, seed)}
            for without in ["", *(args.without or STEPS)]:
                if without not in made:
                    row = ablation.measure([step for step in without.split("+") if step], made.get(""))
                    made[without] = {**row, "network": name, "seed": seed, "without": without}
                    rows.append(made[without])
                    args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    text = format_table(rows)
    print(text)
    if args.table:
        args.table.write_text(text, encoding="utf-8")
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path, help="folder of photographs with a labels.csv above")
    parser.add_argument("--shared", type=Path, help="has graphs/ and backbones/; default: two folders above")
    parser.add_argument("--network", action="append", choices=list(NETWORKS))
    parser.add_argument("--seed", action="append", type=int, help="chooses the calibration pictures")
    parser.add_argument("--without", action="append", metavar="STEP+STEP", help="default: each step in turn")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "corrosion-ablation")
    parser.add_argument("--json", type=Path, default=Path("ablation.json"))
    parser.add_argument("--table", type=Path, metavar="FILE.md")
    args = parser.parse_args()
    for without in args.without or []:
        if unknown := set(without.split("+")) - STEPS.keys():
            parser.error(f"--without {without}: no step {', '.join(unknown)}; there are {', '.join(STEPS)}")
    return args


def split_pictures(folder: Path) -> tuple[list[Sample], list[Sample]]:
    """Return samples to train on, with aircraft skin beside the folder, and the folder's samples to judge."""
    folder = folder.resolve()
    known = with_groups([s for s in load_dataset(folder.parent) if s.set_name in {folder.name, "aircraft"}])
    parts = split(known, test_percent=_JUDGED_PERCENT, validation_percent=0.0)
    return list(parts.training), [s for s in parts.test if s.path.resolve().is_relative_to(folder)]


def choose_calibration(folder: Path, training: list[Sample], seed: int) -> list[np.ndarray]:
    """Return pictures of the training samples in the folder, chosen as ``convert`` chooses."""
    known = {sample.path.resolve(): sample for sample in training}
    paths = [path for path in known if path.is_relative_to(folder.resolve())]
    return [known[path].read() for path in choose(folder, paths, _CALIBRATION_PICTURES, seed)]


@dataclass(frozen=True)
class Ablation:
    """Conversions of one network with one set of calibration pictures."""

    plan: CascadePlan
    graph: FusedGraph
    calibration: list[np.ndarray]
    judged: list[Sample]

    def measure(self, left_out: list[str], whole: dict[str, Any] | None) -> dict[str, Any]:
        """Convert without some steps, and count the labels that are kept on the judged pictures.

        Args:
            left_out: names of steps.
            whole: the result of the whole chain, if it is known; returned if the steps change nothing.
        """
        if whole and not any(whole["changed"][step] for step in left_out):
            return {**whole, "made": False}
        rule = self.graph.preprocessing
        pixels = [resize(picture, rule.height, rule.width, rule.resize) for picture in self.calibration]
        with tempfile.TemporaryDirectory(prefix="corrosion-ablation-") as name:
            request = make_request(self.graph, Mode.INT8, Target.LITERT)
            write_request(Path(name), self.graph, request, np.stack(pixels))
            content, cost = convert_without(Path(name), left_out)
        bundle = self._assemble(content, Mode.INT8)
        found = compare(bundle.manifest.cascade.stages, self._float_logits, self._run(bundle))
        return cost | {
            "made": True,
            "pictures": len(self.judged),
            "kept": {one.stage.name: int(one.same_label.sum()) for one in found},
            "mean_difference": float(np.mean([one.mean_difference for one in found])),
            "worst_difference": max(one.worst_difference for one in found),
        }

    @cached_property
    def _float_logits(self) -> StageLogits:
        return self._run(self._assemble(convert_graph(self.graph, Mode.NONE, None).content, Mode.NONE))

    def _assemble(self, content: bytes, mode: Mode) -> Bundle:
        return assemble(self.plan, [MadeModel(self.graph, mode, content)], Provenance(graphs=(), tools={}))

    def _run(self, bundle: Bundle) -> StageLogits:
        return run_model(Engine(bundle, threads=2), (sample.read() for sample in self.judged))


def format_table(rows: list[dict[str, Any]]) -> str:
    """Format all rows as a Markdown table."""
    lines = [f"| {_COLUMNS} |", f"|{' --- |' * (_COLUMNS.count('|') + 1)}"]
    whole = {(row["network"], row["seed"]): row for row in rows if not row["without"]}
    for row in rows:
        full, steps = whole[row["network"], row["seed"]], [s for s in row["without"].split("+") if s]
        kept, labels = sum(row["kept"].values()), row["pictures"] * len(row["kept"])
        lost = 100 * (sum(full["kept"].values()) - kept) / labels
        cells = [
            row["network"],
            str(row["seed"]),
            ", ".join(steps) or "none",
            f"{100 * kept / labels:.2f}",
            f"{kept}/{labels}",
            f"{lost:+.2f}" if row["made"] else "0, changes nothing",
            f"{row['cpu_s']:.0f}" if row["made"] else "",
            f"{sum(full['steps_cpu_s'][step] for step in steps):.1f}" if steps else "",
            str(sum(map(count_lines, steps))) if steps else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
