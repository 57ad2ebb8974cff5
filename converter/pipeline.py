"""The steps of one conversion, from the plan to the bundle on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from converter.bundle_writer import (
    MadeModel,
    assemble,
    refuse_existing,
    tool_versions,
    with_manifest,
    write_bundle,
)
from converter.compare import StageComparison, compare
from converter.fuse import FusedGraph, fuse
from converter.graph import TrainedGraph, load_graph
from converter.pictures import Calibration, load_calibration
from converter.quantize import Mode, Target, convert_graph
from edge_node.engine import Engine
from edge_node.errors import ConversionError, DatasetError
from edge_node.manifest import CalibrationSet, Manifest, Measured, Provenance, SourceGraph, StageMeasure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from converter.cascade_file import CascadePlan
    from edge_node.bundle import Bundle


# From a step's name and its number of parts to what is called after each part.
BeginStep: TypeAlias = "Callable[[str, int], Callable[[], None]]"


@dataclass(frozen=True, slots=True)
class ConversionOrder:
    """What one conversion is asked for."""

    plan: CascadePlan
    out: Path
    mode: Mode
    target: Target = Target.LITERT
    calibration: Path | None = None
    calibration_pictures: int = 200
    seed: int = 0
    fuse: bool = True
    force: bool = False


@dataclass(frozen=True, slots=True)
class ConversionOutcome:
    """What came of it."""

    bundle: Bundle
    mode: Mode
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


class _Conversion:
    """One order on its way: what every step needs, and how steps are shown."""

    def __init__(self, order: ConversionOrder, begin: BeginStep) -> None:
        self.order = order
        self.begin = begin
        self.calibration = self._calibration()
        self.graphs = self._graphs()
        self.fused = fuse(self.graphs, share=order.fuse)
        self.provenance = _provenance(order, self.graphs, self.calibration)

    def made(self, mode: Mode) -> Bundle:
        """Return the bundle in memory, every model converted to ``mode``."""
        advance = self.begin(f"converting, {'float32' if mode is Mode.NONE else mode.value}", len(self.fused))
        models = []
        for graph in self.fused:
            pictures = None
            if self.calibration and mode.needs_calibration:
                pictures = self.calibration.resized(graph.preprocessing)
            converted = convert_graph(graph, mode, pictures, self.order.target)
            models.append(MadeModel(graph, mode, converted.content))
            advance()
        return assemble(self.order.plan, models, self.provenance)

    def compared(self, reference: Bundle, bundle: Bundle) -> tuple[StageComparison, ...]:
        """Return how the two differ on the calibration pictures, if there are any."""
        if self.calibration is None or bundle is reference:
            return ()
        advance = self.begin("comparing with float", len(self.calibration.pixels))
        # Two threads: nothing is timed here.
        engines = (Engine(reference, threads=2), Engine(bundle, threads=2))
        return compare(*engines, self.calibration.pixels, advance)

    def _calibration(self) -> Calibration | None:
        if self.order.calibration is None:
            return None
        advance = self.begin("reading calibration pictures", 1)
        found = load_calibration(self.order.calibration, self.order.calibration_pictures, self.order.seed)
        advance()
        return found

    def _graphs(self) -> dict[str, TrainedGraph]:
        advance = self.begin("reading graphs", len(self.order.plan.stages))
        graphs = {}
        for planned in self.order.plan.stages:
            graph = load_graph(planned.graph, planned.flags)
            labels = planned.stage.labels
            if graph.classes != len(labels):
                raise DatasetError(
                    f"{planned.graph}: {graph.classes} outputs, but stage {planned.stage.name} has"
                    f" {len(labels)} labels ({', '.join(labels[:6])}); give the labels it was trained with"
                )
            graphs[planned.stage.name] = graph
            advance()
        return graphs


def convert_cascade(order: ConversionOrder, begin: BeginStep) -> ConversionOutcome:
    """Convert, compare, write.

    Args:
        order: what to convert.
        begin: called with a step's name and its number of parts; what it returns is called after each part.

    Raises:
        GraphError, DatasetError, UnreadablePictureError, ConversionError, BundleError: in one sentence each.
    """
    refuse_existing(order.out, force=order.force)
    if order.mode.needs_calibration and order.calibration is None:
        raise ConversionError(
            f"{order.mode.value} measures its ranges on pictures like those the robot will see, found none;"
            " give --calibration PICTURES"
        )
    conversion = _Conversion(order, begin)
    reference = conversion.made(Mode.NONE)
    bundle = reference if order.mode is Mode.NONE else conversion.made(order.mode)
    comparisons = conversion.compared(reference, bundle)
    if conversion.calibration and comparisons:
        bundle = with_manifest(bundle, _measured(reference, bundle, comparisons, conversion.calibration))
    write_bundle(bundle, order.out, {}, force=order.force)
    rows = _rows(reference, bundle, comparisons)
    return ConversionOutcome(bundle, order.mode, rows, _notes(conversion.fused, order, bundle))


def _provenance(
    order: ConversionOrder, graphs: dict[str, TrainedGraph], calibration: Calibration | None
) -> Provenance:
    measured = calibration if order.mode.needs_calibration else None
    return Provenance(
        graphs=tuple(
            SourceGraph(stage=stage, file=graph.file.path.name, sha256=graph.file.sha256)
            for stage, graph in graphs.items()
        ),
        tools=tool_versions(),
        calibration=CalibrationSet(pictures=len(measured.paths), sha256=measured.sha256, seed=measured.seed)
        if measured
        else None,
    )


def _measured(
    reference: Bundle, bundle: Bundle, comparisons: tuple[StageComparison, ...], calibration: Calibration
) -> Manifest:
    sizes = _stage_bytes(reference), _stage_bytes(bundle)
    stages = tuple(
        StageMeasure(
            stage=comparison.stage,
            agreement=comparison.agreement,
            worst_probability_difference=comparison.worst_difference,
            float_bytes=sizes[0][comparison.stage],
            quantized_bytes=sizes[1][comparison.stage],
        )
        for comparison in comparisons
    )
    measured = Measured(
        set=f"calibration: {calibration.set_name}", pictures=len(calibration.paths), stages=stages
    )
    return msgspec.structs.replace(bundle.manifest, measured=measured)


def _stage_bytes(bundle: Bundle) -> dict[str, int]:
    """Return per stage the size of the model file that answers it."""
    manifest = bundle.manifest
    return {stage.name: manifest.model(stage.model).size_bytes for stage in manifest.cascade.stages}


def _rows(
    reference: Bundle, bundle: Bundle, comparisons: tuple[StageComparison, ...]
) -> tuple[tuple[str, ...], ...]:
    """Return the printed table: stage, model, float size, size, agreement, worst difference."""
    sizes = _stage_bytes(reference), _stage_bytes(bundle)
    found = {comparison.stage: comparison for comparison in comparisons}
    rows = []
    for stage in bundle.manifest.cascade.stages:
        row = [stage.name, stage.model, *(f"{size[stage.name] / 1e6:.2f} MB" for size in sizes)]
        if comparison := found.get(stage.name):
            row += [f"{comparison.agreement:.2%}", f"{comparison.worst_difference:.4f}"]
        else:
            row += ["-", "-"]
        rows.append(tuple(row))
    return tuple(rows)


def _notes(fused: tuple[FusedGraph, ...], order: ConversionOrder, bundle: Bundle) -> tuple[str, ...]:
    notes = []
    for graph in fused:
        if len(graph.stages) > 1:
            notes.append(
                f"{', '.join(graph.stages)} share one backbone, proved equal: one inference answers all"
            )
        notes += [f"{output.stage} has no map: {output.no_map}" for output in graph.outputs if output.no_map]
    if order.fuse and len(fused) > 1:
        notes.append(f"{len(fused)} models: their backbones differ")
    measured = bundle.manifest.measured
    if measured:
        notes.append(f"compared on {measured.pictures} pictures, {measured.set}; not an accuracy")
    notes.append(f"written: {order.out}")
    return tuple(notes)
