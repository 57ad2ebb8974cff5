"""Convert retrained graphs to a quantized bundle in memory, step by step.

``convert`` is the list of steps; each step is a function below it. The caller writes bundle and report.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from converter.child_process import peak_memory_mb, peak_memory_of_children_mb
from converter.conversion.bundle_maker import BundleMaker
from converter.conversion.bundle_writer import refuse_existing
from converter.conversion.measurements import record_figures, sum_model_bytes, time_inference
from converter.conversion.order import (
    ConversionInputs,
    ConversionOrder,
    ConversionOutcome,
    ModeCost,
    describe_finished,
    keep_mode,
)
from converter.conversion.target_runtime import prepare_environment, probe_in_target
from converter.data.calibration_pictures import Calibration, load_calibration
from converter.evaluation.accuracy_budget import Attempt, Drop, measure_drops, meet_budget
from converter.evaluation.confidence_fit import StageFit, fit_stages
from converter.evaluation.float_agreement import StageLogits, compare, run_model
from converter.evaluation.labelled_set import LabelledSet, load_labelled
from converter.evaluation.map_threshold import MapFit, fit_maps, with_map_thresholds
from converter.evaluation.output_checks import check_outputs, find_warnings
from converter.graphs.fuse import fuse
from converter.graphs.trained_graph import TrainedGraph, load_graph
from converter.progress import share_of
from converter.proof.picture_choice import gather_pictures
from converter.proof.prover import SourceSaid, ask_about, prove_float, prove_quantized
from converter.proof.source_proof import skip_proof, with_proof
from converter.quantize.conversion_process import ConversionProcess
from converter.quantize.request import Mode, Target
from converter.tensorflow_import import tensorflow
from converter.tflite.foreign_file import is_foreign_file
from converter.work_folder import work_folder
from edge_node.errors import ConversionError, DatasetError
from edge_node.inference.engine import Engine

if TYPE_CHECKING:
    from pathlib import Path

    from converter.progress import BeginStep
    from converter.proof.source_proof import SourceProof
    from edge_node.inference.bundle import Bundle
    from edge_node.inference.manifest import Cascade

_THREADS = 2  # for comparing; nothing is timed there


def convert(order: ConversionOrder, begin: BeginStep) -> ConversionOutcome:
    """Convert, check, compare and fit; return the bundle and everything that was measured.

    Args:
        order: of the conversion.
        begin: shows a step, see ``BeginStep``.

    Raises:
        CorrosionError: about graphs, labels, pictures, the budget or the folder; in one sentence.
    """
    refuse_contradictions(order)
    started = time.perf_counter()
    prepare_target(order.target, begin)
    with work_folder() as work, ConversionProcess(work) as process:
        inputs = read_inputs(order, begin)
        notes = tuple(describe_finished(inputs, order.mode))
        order = keep_mode(order, inputs)
        maker = BundleMaker(order, inputs, begin, process, work)
        reference = make_reference(order, inputs, maker, begin)
        said = ask_sources(order, inputs, reference, work, begin)
        proof = prove_float(said, reference.bundle, reference.logits) if said else _skip_proof(order)
        chosen = quantize_within_budget(order, inputs, maker, reference, begin)
        probe_target(order.target, chosen.attempt.bundle, begin)
        fitted = fit_bundle(order, inputs, reference, chosen.attempt, begin)
        if said and order.mode is not Mode.NONE:
            proof = prove_quantized(proof, said, fitted.bundle, order.budget.min_agreement)
        mode_costs = measure_modes(order, inputs, maker, reference.bundle, fitted.bundle)
    return ConversionOutcome(
        order=order,
        bundle=with_proof(fitted.bundle, proof),
        reference=reference.bundle,
        fused=inputs.fused,
        graphs=inputs.graphs,
        calibration=inputs.calibration,
        comparisons=chosen.attempt.comparisons,
        labelled=reference.labelled,
        answers=chosen.attempt.answers,
        drops=chosen.attempt.drops,
        fits=fitted.fits,
        map_fits=fitted.map_fits,
        float_layers=chosen.attempt.float_layers,
        all_quantized=chosen.all_quantized if chosen.attempt.float_layers else None,
        mode_costs=mode_costs,
        warnings=(*notes, *find_warnings(order.mode, chosen.attempt.comparisons)),
        seconds=time.perf_counter() - started,
        peak_memory_mb=(peak_memory_mb(), peak_memory_of_children_mb()),
        proof=proof,
    )


def refuse_contradictions(order: ConversionOrder) -> None:
    """Refuse an order that cannot be carried out, before any work is done.

    Raises:
        ConversionError: the folder exists, or pictures are missing that an option needs.
    """
    refuse_existing(order.out, force=order.force)
    converts = any(not is_foreign_file(planned.graph) for planned in order.plan.stages)
    if order.mode.needs_calibration and order.calibration is None and converts:
        raise ConversionError(
            f"{order.mode.value} measures its ranges on pictures like those the robot will see, found none;"
            " give --calibration PICTURES"
        )
    labelled = (("--max-accuracy-drop", order.budget.max_drop_points), ("--max-risk", order.max_risk))
    limits = (*labelled, ("--min-agreement", order.budget.min_agreement))
    if order.draft and (held := [option for option, value in limits if value is not None]):
        raise ConversionError(
            f"--draft is for a first look and holds a bundle to nothing, found {' and '.join(held)};"
            " leave one of them out"
        )
    for option, value in labelled:
        if value is not None and order.evaluate is None:
            raise ConversionError(
                f"{option} is judged on labelled pictures, found none; give --evaluate LABELLED"
            )
    if order.budget.min_agreement is not None and order.evaluate is None and order.calibration is None:
        raise ConversionError(
            "--min-agreement is judged on pictures, found none; give --evaluate LABELLED or --calibration"
        )


def prepare_target(target: Target, begin: BeginStep) -> None:
    """Make the environment of a runtime other than LiteRT before the work, so that a failure comes early."""
    if target is not Target.LITERT:
        advance = begin(f"environment of {target.value}", 1)
        prepare_environment(target)
        advance()


def read_inputs(order: ConversionOrder, begin: BeginStep) -> ConversionInputs:
    """Read calibration pictures and graphs, and fuse the graphs that share a backbone."""
    calibration = _read_calibration(order, begin)
    graphs = _read_graphs(order, begin)
    return ConversionInputs(calibration, graphs, fuse(graphs, share=order.fuse))


@dataclass(frozen=True, slots=True)
class Reference:
    """The float models, against which quantized ones are compared.

    Attributes:
        bundle: the cascade in float32.
        labelled: the labelled pictures, if any.
        logits: of the float models for the pictures that are compared on.
        ready: stages that were `.tflite` files already, of which there is no float model.
    """

    bundle: Bundle
    labelled: LabelledSet | None
    logits: StageLogits = field(repr=False)
    ready: frozenset[str] = frozenset()

    @property
    def cascade(self) -> Cascade:
        """The stages, as in the manifest."""
        return self.bundle.manifest.cascade


def make_reference(
    order: ConversionOrder, inputs: ConversionInputs, maker: BundleMaker, begin: BeginStep
) -> Reference:
    """Convert to float32, read the labelled pictures and run the float models on those that are compared."""
    bundle = maker.make(Mode.NONE)
    labelled = load_labelled(order.evaluate, bundle.manifest.cascade) if order.evaluate else None
    logits = _run_on_pictures(bundle, labelled, inputs.calibration, begin, "running the float models")
    ready = frozenset(stage for stage, graph in inputs.graphs.items() if graph.ready is not None)
    return Reference(bundle, labelled, logits, ready)


def ask_sources(
    order: ConversionOrder, inputs: ConversionInputs, reference: Reference, work: Path, begin: BeginStep
) -> SourceSaid | None:
    """Ask the source models in TensorFlow itself about a choice of the pictures; None if that is left out.

    It comes before quantizing: a graph that was misread ends the conversion early.
    """
    if order.draft or not order.source_proof:
        return None
    folder = work / "source"
    folder.mkdir()
    pictures = gather_pictures(reference.bundle, reference.labelled, inputs.calibration, order.calibration)
    report = share_of(begin("running the original graphs", 1))
    return ask_about(order.plan, pictures, reference.bundle, reference.logits, folder, report)


def _skip_proof(order: ConversionOrder) -> SourceProof:
    return skip_proof(f"left out by {'--draft' if order.draft else '--no-source-proof'}")


@dataclass(frozen=True, slots=True)
class BudgetChoice:
    """The conversion that holds the accuracy budget.

    Attributes:
        attempt: the conversion.
        all_quantized: size in bytes and ms of an inference without float layers, if that broke the budget.
    """

    attempt: Attempt
    all_quantized: tuple[int, float] | None = None


def quantize_within_budget(
    order: ConversionOrder,
    inputs: ConversionInputs,
    maker: BundleMaker,
    reference: Reference,
    begin: BeginStep,
) -> BudgetChoice:
    """Convert to the order's mode, and keep layers in float until the budget holds.

    Raises:
        ConversionError: the budget cannot be held.
    """
    mode, budget = order.mode, order.budget
    if mode is Mode.NONE or len(reference.ready) == len(inputs.graphs):
        return BudgetChoice(_compare_with(reference, reference.bundle, reference.logits, ()))

    def attempt(float_layers: tuple[str, ...]) -> Attempt:
        bundle = maker.make(mode, float_layers)
        step = "running the quantized models"
        logits = _run_on_pictures(bundle, reference.labelled, inputs.calibration, begin, step)
        return _compare_with(reference, bundle, logits, float_layers)

    first = attempt(())
    broken = budget.broken_by(first)
    if not broken:
        return BudgetChoice(first)
    if not mode.takes_float_layers:
        raise ConversionError(f"{broken}; no bundle was written")
    all_quantized = sum_model_bytes(first.bundle), time_inference(first.bundle)
    return BudgetChoice(meet_budget(first, budget, maker.rank, attempt), all_quantized)


def probe_target(target: Target, bundle: Bundle, begin: BeginStep) -> None:
    """Run the golden probe in a target runtime other than LiteRT, which computed it."""
    if target is not Target.LITERT:
        advance = begin(f"golden probe in {target.value}", 1)
        probe_in_target(bundle, target)
        advance()


@dataclass(frozen=True, slots=True)
class FittedBundle:
    """The bundle with its fitted values and measured figures, and the fits themselves per stage."""

    bundle: Bundle
    fits: dict[str, StageFit]
    map_fits: dict[str, MapFit]


def fit_bundle(
    order: ConversionOrder,
    inputs: ConversionInputs,
    reference: Reference,
    attempt: Attempt,
    begin: BeginStep,
) -> FittedBundle:
    """Check outputs; fit temperatures, thresholds and maps; put all of it into the manifest.

    Raises:
        ConversionError: a quantized stage tells pictures apart no more, or no threshold holds the risk.
    """
    labelled = reference.labelled
    check_outputs(attempt.comparisons)
    fits = fit_stages(labelled, reference.cascade.stages, attempt.answers, order.max_risk)
    bundle = record_figures(attempt, reference.bundle, fits, _name_pictures(labelled, inputs.calibration))
    map_fits = dict[str, MapFit]()
    if labelled is not None and any(sample.mask for sample in labelled.samples):
        report = share_of(begin("fitting maps to masks", 1))
        map_fits = fit_maps(Engine(bundle, threads=_THREADS), labelled, report)
        report(1.0)
    return FittedBundle(with_map_thresholds(bundle, map_fits), fits, map_fits)


def measure_modes(
    order: ConversionOrder, inputs: ConversionInputs, maker: BundleMaker, reference: Bundle, bundle: Bundle
) -> tuple[ModeCost, ...]:
    """Measure size and time of the modes that were made; with ``--all-modes`` make the others for it.

    int8 with 16-bit activations is left out of those: it has no fast kernels.

    Args:
        order: of the conversion.
        inputs: its calibration pictures.
        maker: makes the other modes.
        reference: in float32.
        bundle: in the order's mode.
    """
    if all(graph.ready is not None for graph in inputs.fused):
        size_bytes, inference_ms = sum_model_bytes(bundle), time_inference(bundle)
        return (ModeCost(order.mode, size_bytes, inference_ms, maker.taken[Mode.NONE]),)
    made, costs = {order.mode: bundle, Mode.NONE: reference}, list[ModeCost]()
    for mode in Mode:
        possible = mode is not Mode.INT16X8 and (inputs.calibration or not mode.needs_calibration)
        if mode not in made and not (order.all_modes and possible):
            continue
        candidate = made.get(mode) or maker.make(mode)
        size_bytes, inference_ms = sum_model_bytes(candidate), time_inference(candidate)
        costs.append(ModeCost(mode, size_bytes, inference_ms, maker.taken[mode]))
    return tuple(costs)


def _read_calibration(order: ConversionOrder, begin: BeginStep) -> Calibration | None:
    if order.calibration is None:
        return None
    report = share_of(begin("reading calibration pictures", 1))
    pictures, licences = order.calibration_pictures, order.plan.licences
    return load_calibration(order.calibration, pictures, order.seed, report, licences)


def _read_graphs(order: ConversionOrder, begin: BeginStep) -> dict[str, TrainedGraph]:
    advance = begin("reading graphs", 1 + len(order.plan.stages))
    tensorflow()  # its import takes as long as a graph
    advance()
    graphs = {}
    for planned in order.plan.stages:
        graph = load_graph(planned.graph, planned.flags)
        labels = planned.stage.labels
        if graph.classes != len(labels):
            raise DatasetError(
                f"{planned.graph}: {graph.classes} outputs, but stage {planned.stage.name} has"
                f" {len(labels)} labels ({', '.join(labels[:6])}); give the labels it was trained with"
            )
        if planned.stage.is_independent and not graph.output_contract.is_independent:
            raise ConversionError(
                f"{planned.graph}: stage {planned.stage.name} has thresholds per label, but its output is"
                f" {graph.output_contract.form.value}, which chooses one label; leave thresholds out, or give"
                " decision_threshold"
            )
        graphs[planned.stage.name] = graph
        advance()
    return graphs


def _run_on_pictures(
    bundle: Bundle, labelled: LabelledSet | None, calibration: Calibration | None, begin: BeginStep, step: str
) -> StageLogits:
    """Run a bundle on the labelled pictures, else on the calibration's, else on the golden ones."""
    if labelled:
        pictures, count = labelled.pictures(), len(labelled.samples)
    elif calibration:
        pictures, count = iter(calibration.pixels), len(calibration.pixels)
    else:
        # Few and rendered, but a mode whose outputs are mere guesses shows on them too.
        pictures, count = iter(bundle.golden.pictures), len(bundle.golden.pictures)
    return run_model(Engine(bundle, threads=_THREADS), pictures, begin(step, count))


def _name_pictures(labelled: LabelledSet | None, calibration: Calibration | None) -> str:
    """Return how the manifest names the pictures of ``_run_on_pictures``."""
    if labelled:
        return labelled.name
    if calibration:
        return f"calibration: {calibration.set_name}"
    return "the golden pictures, which are rendered"


def _compare_with(
    reference: Reference, bundle: Bundle, logits: StageLogits, float_layers: tuple[str, ...]
) -> Attempt:
    cascade = reference.cascade
    compared = compare(cascade.stages, reference.logits, logits, reference.ready)
    lost = tuple[Drop, ...]()
    if reference.labelled:
        lost = measure_drops(reference.labelled, cascade, reference.logits, logits)
    return Attempt(bundle, logits, lost, compared, float_layers)
