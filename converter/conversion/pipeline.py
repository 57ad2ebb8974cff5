"""The steps of one conversion, from the plan to the bundle on disk."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from converter.child_process import peak_memory_mb, peak_memory_of_children_mb
from converter.conversion.bundle_writer import (
    MadeModel,
    assemble,
    refuse_existing,
    tool_versions,
    write_bundle,
)
from converter.conversion.order import BeginStep, ConversionOrder, ConversionOutcome, ModeCost
from converter.conversion.target_runtime import environment, probe_in_target
from converter.data.calibration_pictures import Calibration, load_calibration
from converter.evaluation.accuracy_budget import Attempt, Drop, drops, within_budget
from converter.evaluation.confidence_fit import StageFit, fit_stages, with_fit
from converter.evaluation.float_agreement import StageComparison, StageLogits, compare, run_model
from converter.evaluation.labelled_set import load_labelled
from converter.evaluation.map_threshold import MapFit, fit_maps, with_map_thresholds
from converter.evaluation.output_checks import check_outputs, warnings
from converter.graphs.fuse import FusedGraph, fuse
from converter.graphs.trained_graph import TrainedGraph, load_graph
from converter.quantize.conversion_process import convert_graph
from converter.quantize.layer_ranking import LayerGain, order_layers, rank_layers
from converter.quantize.request import ConversionResult, Mode, Target
from converter.quantize.tflite_metadata import ModelDescription, add_metadata
from converter.quantize.type_audit import audit_types
from converter.work_folder import work_folder
from edge_node.errors import ConversionError, DatasetError
from edge_node.inference.bundle import with_manifest
from edge_node.inference.engine import Engine
from edge_node.inference.manifest import CalibrationSet, Measured, Provenance, SourceGraph, StageMeasure
from edge_node.inference.preprocess import input_tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge_node.inference.bundle import Bundle

_THREADS = 2  # for comparing; nothing is timed there
_TIMED_RUNS = 15


def convert_cascade(
    order: ConversionOrder, begin: BeginStep, report: Callable[[ConversionOutcome], dict[str, bytes]]
) -> ConversionOutcome:
    """Convert, check, compare, write.

    Args:
        order: what to convert.
        begin: called with a step's name and its number of parts; what it returns is called after each part.
        report: from the outcome to further files of the bundle, by name.

    Raises:
        CorrosionError: about graphs, labels, pictures, the budget or the folder; in one sentence.
    """
    _refuse_contradictions(order)
    started = time.perf_counter()
    if order.target is not Target.LITERT:  # what is missing for its probe is said now, and not after the work
        advance = begin(f"environment of {order.target.value}", 1)
        environment(order.target)
        advance()
    with work_folder() as folder:
        outcome = _Conversion(order, begin, folder).outcome()
    outcome = replace(
        outcome,
        seconds=time.perf_counter() - started,
        peak_memory_mb=(peak_memory_mb(), peak_memory_of_children_mb()),
    )
    advance = begin("writing the bundle", 1)
    write_bundle(outcome.bundle, order.out, report(outcome), force=order.force)
    advance()
    return outcome


class _Conversion:
    """One order on its way: what every step needs, and how steps are shown."""

    def __init__(self, order: ConversionOrder, begin: BeginStep, work: Path) -> None:
        self.order = order
        self.work = work
        self.begin = begin
        self.taken: dict[Mode, ConversionResult] = {}
        self.calibration = self._calibration()
        self.graphs = self._graphs()
        self.fused = fuse(self.graphs, share=order.fuse)
        self.provenance = _provenance(order, self.graphs, self.calibration)
        self.reference = self._made(Mode.NONE)
        self.cascade = self.reference.manifest.cascade
        self.labelled = load_labelled(order.evaluate, self.cascade) if order.evaluate else None
        self.reference_answers = self._asked(self.reference, "asking the float models")
        self.all_quantized: tuple[int, float] | None = None

    def outcome(self) -> ConversionOutcome:
        """Return the bundle and all that was found out about it."""
        attempt = self._attempt()
        bundle, answers = attempt.bundle, attempt.answers
        if self.order.target is not Target.LITERT:
            self._probe_in_target(bundle)
        comparisons, fits, map_fits = attempt.comparisons, dict[str, StageFit](), dict[str, MapFit]()
        if comparisons and answers:
            check_outputs(comparisons)
            fits = fit_stages(self.labelled, self.cascade.stages, answers, self.order.max_risk)
            bundle = self._sealed(bundle, comparisons, fits, attempt)
            map_fits = self._map_fits(bundle)
            bundle = with_map_thresholds(bundle, map_fits)
        return ConversionOutcome(
            order=self.order,
            bundle=bundle,
            reference=self.reference,
            fused=self.fused,
            graphs=self.graphs,
            calibration=self.calibration,
            comparisons=comparisons,
            labelled=self.labelled,
            answers=answers,
            drops=attempt.drops,
            fits=fits,
            map_fits=map_fits,
            float_layers=attempt.float_layers,
            all_quantized=self.all_quantized if attempt.float_layers else None,
            mode_costs=tuple(self._mode_costs(bundle)),
            warnings=tuple(warnings(self.order.mode, comparisons)),
        )

    def _mode_costs(self, bundle: Bundle) -> Iterator[ModeCost]:
        """Weigh and time the modes that were made; with ``--all-modes`` the others are made for it.

        int8 with 16-bit activations is left out of those: it has no fast kernels.
        """
        made = {self.order.mode: bundle, Mode.NONE: self.reference}
        for mode in Mode:
            possible = mode is not Mode.INT16X8 and (self.calibration or not mode.needs_calibration)
            if mode not in made and not (self.order.all_modes and possible):
                continue
            candidate = made.get(mode) or self._made(mode)
            size_bytes = sum(model.size_bytes for model in candidate.manifest.models)
            yield ModeCost(mode, size_bytes, inference_ms(candidate), self.taken[mode])

    def _attempt(self) -> Attempt:
        """Return the conversion that holds the budget, if there is a budget."""
        mode = self.order.mode
        if mode is Mode.NONE:
            return self._judged(self.reference, self.reference_answers, ())
        first = self._tried(())
        budget = self.order.budget
        broken = budget.broken_by(first)
        if not broken:
            return first
        if not mode.takes_float_layers:
            raise ConversionError(f"{broken}; no bundle was written")
        sizes = (model.size_bytes for model in first.bundle.manifest.models)
        self.all_quantized = sum(sizes), inference_ms(first.bundle)
        return within_budget(first, budget, self._ranked, self._tried)

    def _tried(self, float_layers: tuple[str, ...]) -> Attempt:
        bundle = self._made(self.order.mode, float_layers)
        return self._judged(bundle, self._asked(bundle, "asking the quantized models"), float_layers)

    def _judged(self, bundle: Bundle, answers: StageLogits, float_layers: tuple[str, ...]) -> Attempt:
        compared = compare(self.cascade.stages, self.reference_answers, answers)
        lost = tuple[Drop, ...]()
        if self.labelled:
            lost = drops(self.labelled, self.cascade, self.reference_answers, answers)
        return Attempt(bundle, answers, lost, compared, float_layers)

    def _ranked(self) -> tuple[str, ...]:
        """Return the layers of all models, the most costly first."""
        gains: list[LayerGain] = []
        for graph in self.fused:
            advance = self.begin(f"ranking layers of {graph.stages[0]}", 1)
            pictures = self._pictures(graph)
            if pictures is not None:
                gains += rank_layers(graph, pictures, self.order.target, self._work(graph))
            advance()
        return order_layers(gains)

    def _made(self, mode: Mode, float_layers: tuple[str, ...] = ()) -> Bundle:
        """Return the bundle in memory, every model converted to ``mode`` and audited."""
        kept = f", {len(float_layers)} layers in float" if float_layers else ""
        advance = self.begin(f"converting, {mode.heading}{kept}", len(self.fused))
        models = []
        for graph in self.fused:
            pictures = self._pictures(graph) if mode.needs_calibration else None
            converted = convert_graph(
                graph, mode, pictures, self.order.target, float_layers, self._work(graph)
            )
            earlier = self.taken.get(mode)
            self.taken[mode] = earlier.and_then(converted.result) if earlier else converted.result
            audit_types(", ".join(graph.stages), converted.content, mode, len(float_layers))
            models.append(MadeModel(graph, mode, add_metadata(converted.content, self._described(graph))))
            advance()
        return assemble(self.order.plan, models, self.provenance)

    def _described(self, graph: FusedGraph) -> ModelDescription:
        plan = self.order.plan
        labels = {planned.stage.name: planned.stage.labels for planned in plan.stages}
        return ModelDescription(
            name=plan.name,
            version=plan.version,
            licence=plan.licence,
            description=f"Corrosion inspection, stages {', '.join(graph.stages)}: {plan.intended_use}",
            preprocessing=graph.preprocessing,
            labels={output.tensor: labels[output.stage] for output in graph.outputs},
        )

    def _work(self, graph: FusedGraph) -> Path:
        """Return the folder that keeps a graph's ranges from one conversion to the next."""
        folder = self.work / graph.stages[0]
        folder.mkdir(exist_ok=True)
        return folder

    def _pictures(self, graph: FusedGraph) -> NDArray[np.uint8] | None:
        return self.calibration.resized(graph.preprocessing) if self.calibration else None

    def _asked(self, bundle: Bundle, step: str) -> StageLogits:
        """Return what a bundle says of the labelled pictures, the calibration's, or else the golden ones."""
        if self.labelled:
            pictures, count = self.labelled.pictures(), len(self.labelled.samples)
        elif self.calibration:
            pictures, count = iter(self.calibration.pixels), len(self.calibration.pixels)
        else:
            # Few and rendered, but a mode that has fallen to guessing shows on them too.
            pictures, count = iter(bundle.golden.pictures), len(bundle.golden.pictures)
        return run_model(Engine(bundle, threads=_THREADS), pictures, self.begin(step, count))

    def _sealed(
        self,
        bundle: Bundle,
        comparisons: tuple[StageComparison, ...],
        fits: dict[str, StageFit],
        attempt: Attempt,
    ) -> Bundle:
        """Return the bundle with what was fitted and measured in its manifest."""
        manifest = bundle.manifest
        stages = tuple(with_fit(stage, fits.get(stage.name)) for stage in manifest.cascade.stages)
        cascade = msgspec.structs.replace(manifest.cascade, stages=stages)
        notes = tuple(f"kept in float: {layer}" for layer in attempt.float_layers)
        provenance = msgspec.structs.replace(manifest.provenance, notes=(*manifest.provenance.notes, *notes))
        name = "the golden pictures, which are rendered"
        if self.labelled:
            name = self.labelled.name
        elif self.calibration:
            name = f"calibration: {self.calibration.set_name}"
        measured = Measured(
            set=name,
            pictures=len(comparisons[0].reference),
            stages=_measures(self.reference, bundle, comparisons, attempt.drops),
        )
        changes = {"cascade": cascade, "measured": measured, "provenance": provenance}
        return with_manifest(bundle, msgspec.structs.replace(manifest, **changes))

    def _map_fits(self, bundle: Bundle) -> dict[str, MapFit]:
        if self.labelled is None or not any(sample.mask for sample in self.labelled.samples):
            return {}
        advance = self.begin("fitting maps to masks", 1)
        found = fit_maps(Engine(bundle, threads=_THREADS), self.labelled)
        advance()
        return found

    def _probe_in_target(self, bundle: Bundle) -> None:
        advance = self.begin(f"golden probe in {self.order.target.value}", 1)
        probe_in_target(bundle, self.order.target)
        advance()

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


def inference_ms(bundle: Bundle) -> float:
    """Return the least time of all models of a bundle for one picture: one thread, no preprocessing.

    The least of several runs is what the machine can do; the others are what else it was doing.
    """
    engine, manifest = Engine(bundle), bundle.manifest
    picture = bundle.golden.pictures[0]
    tensors = {model.file: input_tensor(picture, model.input) for model in manifest.models}
    times = []
    for _ in range(_TIMED_RUNS):
        started = time.perf_counter()
        for file, tensor in tensors.items():
            engine.outputs(file, tensor)
        times.append(time.perf_counter() - started)
    return min(times) * 1000


def stage_bytes(bundle: Bundle) -> dict[str, int]:
    """Return per stage the size of the model file that answers it."""
    manifest = bundle.manifest
    return {stage.name: manifest.model(stage.model).size_bytes for stage in manifest.cascade.stages}


def _refuse_contradictions(order: ConversionOrder) -> None:
    refuse_existing(order.out, force=order.force)
    if order.mode.needs_calibration and order.calibration is None:
        raise ConversionError(
            f"{order.mode.value} measures its ranges on pictures like those the robot will see, found none;"
            " give --calibration PICTURES"
        )
    labelled = (("--max-accuracy-drop", order.budget.max_drop_points), ("--max-risk", order.max_risk))
    for option, value in labelled:
        if value is not None and order.evaluate is None:
            raise ConversionError(
                f"{option} is judged on labelled pictures, found none; give --evaluate LABELLED"
            )
    if order.budget.min_agreement is not None and order.evaluate is None and order.calibration is None:
        raise ConversionError(
            "--min-agreement is judged on pictures, found none; give --evaluate LABELLED or --calibration"
        )


def _measures(
    reference: Bundle, bundle: Bundle, comparisons: tuple[StageComparison, ...], lost: tuple[Drop, ...]
) -> tuple[StageMeasure, ...]:
    sizes = stage_bytes(reference), stage_bytes(bundle)
    scores = {drop.name: drop for drop in lost}
    return tuple(
        StageMeasure(
            stage=name,
            agreement=comparison.agreement,
            worst_probability_difference=comparison.worst_difference,
            float_bytes=sizes[0][name],
            quantized_bytes=sizes[1][name],
            float_accuracy=scores[name].reference.accuracy if name in scores else None,
            quantized_accuracy=scores[name].candidate.accuracy if name in scores else None,
            labelled_pictures=scores[name].reference.pictures if name in scores else 0,
        )
        for comparison in comparisons
        for name in [comparison.stage.name]
    )


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
        notes=(f"target: {order.target.value}",),
    )
