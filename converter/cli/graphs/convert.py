"""``convert``: convert retrained graphs to the bundle that the edge node runs."""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from converter.cli.graphs.convert_flags import add_arguments, spell_out_mode
from converter.cli.graphs.graph_flags import read_graph_flags
from converter.conversion.bundle_writer import write_bundle
from converter.conversion.order import CALIBRATION_PICTURES, DRAFT_PICTURES, ConversionOrder
from converter.conversion.pipeline import convert
from converter.conversion.report import encode_report
from converter.conversion.report_figures import collect_report
from converter.conversion.report_page import render_report, render_thumbnails
from converter.data.attribution import ATTRIBUTION_NAME, find_attribution
from converter.evaluation.accuracy_budget import AccuracyBudget
from converter.graphs.cascade_file import CascadePlan, describe_doubts, plan_single_graph, read_cascade
from converter.graphs.scaling import GraphFlags
from converter.output_paths import refuse_unwritable_file, write_file
from converter.progress import show_steps
from converter.quantize.request import Mode, Target
from converter.text_table import format_table
from edge_node.errors import ConversionError, CorrosionError, DestinationError
from edge_node.inference.bundle import REPORT_NAME, with_manifest
from edge_node.inspection.corrosion_map import corroded_labels

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from converter.conversion.order import ConversionOutcome
    from converter.conversion.report import Report
    from converter.evaluation.accuracy_budget import Drop
    from converter.evaluation.ship_verdict import ShipVerdict
    from edge_node.inference.bundle import Bundle

__all__ = ["add_arguments", "run", "spell_out_mode"]
_STDOUT = Path("-")
_GRAPH_FLAG = re.compile(r"--((?:input|output)-(?:layer|height|width|mean|std|colour-order)|labels)\b")


def run(args: argparse.Namespace) -> int:
    """Convert as ``add_arguments`` describes it, write bundle and report, print the table; return 0.

    Raises:
        CorrosionError: anything about the graphs, labels, pictures or the bundle's folder.
    """
    if args.source.suffix != ".toml":
        return _convert(args)
    try:
        return _convert(args)
    except CorrosionError as err:
        raise ConversionError(_name_keys(str(err), args.source)) from err


def _convert(args: argparse.Namespace) -> int:
    to_stdout = args.json == _STDOUT
    for path in (args.report, None if to_stdout else args.json):
        refuse_unwritable_file(path)
    order = _read_order(args)
    for doubt in describe_doubts(order.plan, is_file=args.source.suffix == ".toml"):
        print(f"{args.source}: {doubt}", file=sys.stderr)
    graphs = (planned.graph for planned in order.plan.stages)
    attribution = find_attribution((args.source, *graphs))
    with show_steps() as begin:
        outcome = convert(order, begin)
        report = collect_report(outcome)
        advance = begin("writing bundle and report", 2)
        carried = {ATTRIBUTION_NAME: attribution.encode()} if attribution else {}
        bundle = _add_notes(outcome.bundle, report.verdict, carried)
        write_bundle(bundle, order.out, {**_render_reports(report), **carried}, force=order.force)
        advance()
        page = args.report or _name_page(order.out)
        _write_beside(page, render_report(report, render_thumbnails(outcome, report)))
        advance()
    if args.json and not to_stdout:
        _write_beside(args.json, encode_report(report))
    if to_stdout:
        print(encode_report(report).decode(), end="")
        return 0
    _print_table(outcome)
    print(f"report: {page}; it shows pictures, the report in the bundle only names them")
    print("\n".join([*(f"note: {text}" for text in report.verdict.mind), report.verdict.line]))
    return 0


def _read_order(args: argparse.Namespace) -> ConversionOrder:
    return ConversionOrder(
        plan=_read_plan(args),
        out=args.out,
        mode=Mode(args.quantize),
        target=Target(args.target),
        calibration=args.calibration,
        calibration_pictures=args.calibration_pictures
        or (DRAFT_PICTURES if args.draft else CALIBRATION_PICTURES),
        seed=args.seed,
        evaluate=args.evaluate,
        budget=AccuracyBudget(
            args.max_accuracy_drop, None if args.min_agreement is None else args.min_agreement / 100.0
        ),
        max_risk=args.max_risk,
        source_proof=not args.no_source_proof,
        fuse=not args.no_fuse,
        all_modes=args.all_modes,
        force=args.force,
        draft=args.draft,
    )


def _read_plan(args: argparse.Namespace) -> CascadePlan:
    flags = read_graph_flags(args)
    if args.source.suffix == ".toml":
        if args.labels or args.meaning or args.threshold or flags != GraphFlags():
            given = {"labels": args.labels, "meanings": args.meaning, "thresholds": args.threshold}
            given |= {field.name: getattr(flags, field.name) for field in fields(flags)}
            keys = " and ".join(key for key, value in given.items() if value not in (None, []))
            raise ConversionError(f"{args.source}: a cascade file says {keys} itself, per [[stage]]")
        plan = read_cascade(args.source)
    else:
        plan = plan_single_graph(
            args.source, args.labels, flags, meanings=args.meaning, thresholds=args.threshold
        )
    return plan.rename(args.name, args.version)


def _name_keys(text: str, cascade: Path) -> str:
    """Return a sentence that asks for flags of one graph, with a cascade file's keys in their place."""
    told, count = _GRAPH_FLAG.subn(lambda flag: flag[1].replace("-", "_"), text)
    return f"{told}; keys are written under the graph's [[stage]] in {cascade}" if count else text


def _name_page(out: Path) -> Path:
    """Return where the report with pictures goes: beside the bundle, which is sent to robots."""
    folder = out.resolve()
    return folder.with_name(f"{folder.name}-report.html")


def _add_notes(bundle: Bundle, verdict: ShipVerdict, carried: Mapping[str, bytes]) -> Bundle:
    """Return the bundle with the verdict first in its provenance, and the hashes of files it carries last."""
    provenance = bundle.manifest.provenance
    hashes = (f"{name}: SHA-256 {hashlib.sha256(content).hexdigest()}" for name, content in carried.items())
    notes = (verdict.line, *provenance.notes, *hashes)
    provenance = msgspec.structs.replace(provenance, notes=notes)
    return with_manifest(bundle, msgspec.structs.replace(bundle.manifest, provenance=provenance))


def _render_reports(report: Report) -> dict[str, bytes]:
    """Return the reports inside the bundle by file name: without photographs, which may be confidential."""
    return {REPORT_NAME: render_report(report), "report.json": encode_report(report)}


def _write_beside(path: Path, content: bytes) -> None:
    try:
        write_file(path, content)
    except DestinationError as err:
        raise DestinationError(f"{err}; the bundle itself is written") from err


def _print_table(outcome: ConversionOutcome) -> None:
    manifest = outcome.bundle.manifest
    print(f"{manifest.name} {manifest.version}")
    heads = ["stage", "same label", "worst difference"]
    heads += ["right: float", outcome.order.mode.heading] if outcome.drops else []
    print("\n".join(format_table(heads, list(_format_rows(outcome)))))
    print("\n".join(_format_notes(outcome)))


def _format_rows(outcome: ConversionOutcome) -> Iterator[list[str]]:
    comparisons = {comparison.stage.name: comparison for comparison in outcome.comparisons}
    scores = {drop.name: drop for drop in outcome.drops}
    for stage in outcome.bundle.manifest.cascade.stages:
        comparison = comparisons.get(stage.name)
        row = [stage.name, "-", "-"]
        if comparison is not None and not comparison.kept:
            row[1:] = [f"{comparison.agreement:.2%}", f"{comparison.worst_difference:.4f}"]
        yield row + _format_accuracies(scores.pop(stage.name, None), wanted=bool(outcome.drops))
    for drop in scores.values():
        yield [drop.name, "", "", *_format_accuracies(drop, wanted=True)]


def _format_accuracies(drop: Drop | None, *, wanted: bool) -> list[str]:
    if not wanted:
        return []
    return [f"{drop.reference.accuracy:.2%}", f"{drop.candidate.accuracy:.2%}"] if drop else ["-", "-"]


def _format_notes(outcome: ConversionOutcome) -> Iterator[str]:
    yield from outcome.warnings
    yield from _format_model_notes(outcome)
    if outcome.order.fuse and len(outcome.fused) > 1:
        yield f"{len(outcome.fused)} models, because their backbones differ: each costs an inference"
    if (measured := outcome.bundle.manifest.measured) and measured.stages:
        what = "" if outcome.labelled else "; agreement, not accuracy"
        yield f"compared on {measured.pictures} pictures, {measured.set}{what}"
    float_ms, quantized_ms = outcome.milliseconds
    in_float = f", float {float_ms:.1f} ms" if len(outcome.mode_costs) > 1 else ""
    yield f"one inference: {quantized_ms:.1f} ms{in_float} (this machine, one thread)"
    for cost in outcome.mode_costs if in_float else ():
        taken = cost.conversion
        yield (
            f"  {cost.mode.heading:14}{cost.size_bytes / 1e6:7.2f} MB{cost.milliseconds:7.1f} ms;"
            f" converted in {taken.seconds:.1f} s and {taken.peak_memory_mb:.0f} MB of memory"
        )
    if outcome.float_layers:
        yield f"kept in float: {', '.join(outcome.float_layers)}"
    if outcome.all_quantized:
        size, milliseconds = outcome.all_quantized
        now = sum(model.size_bytes for model in outcome.bundle.manifest.models)
        yield (
            f"with these the models have {now / 1e6:.2f} MB instead of {size / 1e6:.2f} MB,"
            f" and take {quantized_ms:.1f} ms instead of {milliseconds:.1f} ms"
        )
    for name, fit in outcome.fits.items():
        line = f"{name}: temperature {fit.temperature:.2f}"
        if fit.abstention:
            found = fit.abstention
            line += (
                f"; abstains below {found.threshold:.3f}: of left-out specimens it decides"
                f" {found.held_out_coverage:.1%}, and {found.held_out_risk:.2%} of these wrongly"
            )
        yield line
    yield from _format_map_notes(outcome)
    own_mb, child_mb = outcome.peak_memory_mb
    memory = f"{own_mb:.0f} MB of memory, {child_mb:.0f} MB more in the largest child"
    yield f"written: {outcome.order.out} in {outcome.seconds:.0f} s, {memory}"


def _format_model_notes(outcome: ConversionOutcome) -> Iterator[str]:
    """Yield the size of each model with its stages, what they share, and which have no map."""
    floats, mode = outcome.reference.manifest, outcome.order.mode.heading
    for model, graph in zip(outcome.bundle.manifest.models, outcome.fused, strict=True):
        float_mb, size_mb = floats.model(model.file).size_bytes / 1e6, model.size_bytes / 1e6
        stages = ", ".join(graph.stages)
        is_float = graph.ready or outcome.order.mode is Mode.NONE
        in_float = "" if is_float else f", float {float_mb:.2f} MB"
        kind = graph.ready.mode if graph.ready else mode
        yield f"{model.file}: {kind} {size_mb:.2f} MB{in_float}: {stages}"
        if len(graph.stages) > 1:
            yield f"{stages} share one backbone, which was proved: one inference answers all"
        yield from (
            f"{output.stage} has no map: {output.no_map}" for output in graph.outputs if output.no_map
        )


def _format_map_notes(outcome: ConversionOutcome) -> Iterator[str]:
    """Yield the thresholds fitted on masks, and the stages whose maps no mask has shaped."""
    for name, fit in outcome.map_fits.items():
        yield (
            f"{name}: threshold of the map {fit.threshold:.3f}; on {fit.pictures} masks of left-out specimens"
            f" IoU {fit.iou[1]:.2f} instead of {fit.iou[0]:.2f}, error of the area {fit.area_error[1]:.1%}"
            f" instead of {fit.area_error[0]:.1%}"
        )
    untaught = [
        planned.stage.name
        for planned in outcome.order.plan.stages
        if planned.stage.name not in outcome.map_fits
        and corroded_labels(planned.stage)
        and (graph := outcome.graphs[planned.map_from or planned.stage.name]).head
        and not graph.map_trained
    ]
    if untaught:
        yield (
            f"{', '.join(untaught)}: learned from whole pictures, so the map overestimates the corroded area;"
            " give --evaluate a labels.csv that names masks, to fit the threshold of the map"
        )
