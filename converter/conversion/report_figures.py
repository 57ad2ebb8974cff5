"""Collect the figures of a conversion as a ``Report``, and judge them."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.conversion.report import (
    ModelReport,
    ModeReport,
    ProofReport,
    ReadingReport,
    Report,
    ScoreFigures,
    SourceReport,
    StageReport,
)
from converter.conversion.reported_pictures import (
    ask_source,
    choose_known_labels,
    find_widest,
    list_differing,
    list_mistakes,
)
from converter.conversion.ship_verdict import judge_shipping
from converter.data.dataset import SPECIMENS_SOURCE
from converter.data.known_truth import find_missing_labels, read_truths
from converter.data.stage_truth import UNKNOWN
from converter.evaluation.float_agreement import choose_labels
from converter.evaluation.labelled_set import Score, count_stage_confusions, decide_all, score_cascade
from converter.evaluation.metrics import bin_by_confidence, expected_calibration_error
from converter.graphs.label_meanings import find_doubts
from converter.tflite.tflite_file import count_operators, count_weight_types
from edge_node.inference.probabilities import label_probabilities
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from converter.conversion.order import ConversionOutcome
    from converter.evaluation.float_agreement import StageComparison
    from converter.proof.source_proof import SourceProof
    from edge_node.inference.manifest import Cascade, Stage

_CURVE_POINTS = 40


def collect_report(outcome: ConversionOutcome) -> Report:
    """Return the figures of one conversion, and the verdict on them."""
    report = _collect_figures(outcome)
    return msgspec.structs.replace(report, verdict=judge_shipping(report))


def _collect_figures(outcome: ConversionOutcome) -> Report:
    manifest, calibration = outcome.bundle.manifest, outcome.calibration
    scores = {drop.name: drop for drop in outcome.drops}
    cascade = scores.get("the cascade")
    measured = manifest.measured
    return Report(
        name=manifest.name,
        version=manifest.version,
        created=manifest.created,
        mode=outcome.order.mode.heading,
        target=outcome.order.target.value,
        machine=f"{platform.machine()}, {platform.system()}",
        tools=manifest.provenance.tools,
        sources=_describe_sources(outcome),
        models=_describe_models(outcome),
        root=manifest.cascade.root,
        stages=tuple(_describe_stage(outcome, stage) for stage in manifest.cascade.stages),
        calibration_pictures=len(calibration.paths) if calibration else 0,
        calibration_sha256=calibration.sha256 if calibration else "",
        calibration_seed=calibration.seed if calibration else 0,
        judged_on=measured.set if measured else "",
        judged_pictures=measured.pictures if measured else 0,
        cascade_float=_describe_score(cascade.reference) if cascade else None,
        cascade_quantized=_describe_score(cascade.candidate) if cascade else None,
        cascade_decided=_score_decided(outcome),
        float_ms=outcome.milliseconds[0],
        quantized_ms=outcome.milliseconds[1],
        modes=tuple(
            ModeReport(
                mode=cost.mode.value,
                size_bytes=cost.size_bytes,
                milliseconds=cost.milliseconds,
                conversion_seconds=cost.conversion.seconds,
                conversion_peak_memory_mb=cost.conversion.peak_memory_mb,
            )
            for cost in outcome.mode_costs
        ),
        seconds=outcome.seconds,
        peak_memory_mb=outcome.peak_memory_mb[0],
        largest_child_peak_memory_mb=outcome.peak_memory_mb[1],
        float_layers=outcome.float_layers,
        warnings=outcome.warnings,
        licence=manifest.licence,
        intended_use=manifest.intended_use,
        draft=outcome.order.draft,
        proof=_describe_proof(outcome.proof) if outcome.proof else None,
        doubts=tuple(_find_doubts(manifest.cascade)),
        max_drop_points=outcome.order.budget.max_drop_points,
        min_agreement=outcome.order.budget.min_agreement,
        calibration_misses=_find_calibration_misses(outcome),
        is_judged_on_photographs=bool(outcome.labelled or calibration),
        is_judged_on_calibration=_is_judged_on_calibration(outcome),
        is_judged_on_specimens=_is_judged_on_specimens(outcome),
    )


def _describe_proof(proof: SourceProof) -> ProofReport:
    return ProofReport(
        proved=proof.proved,
        sentence=proof.sentence,
        decoders=proof.decoders,
        readings=tuple(
            ReadingReport(
                stage=of.stage,
                reading=score.name,
                right=score.right,
                pictures=score.pictures,
                gained=score.gained,
                lost=score.lost,
            )
            for of in proof.stages
            for score in of.scores
        ),
    )


def _find_doubts(cascade: Cascade) -> Iterator[str]:
    for stage in cascade.stages:
        if doubt := find_doubts(stage.labels, stage.meanings):
            yield f"{stage.name}: {doubt[0]}"


def _find_calibration_misses(outcome: ConversionOutcome) -> tuple[str, ...]:
    folder, calibration = outcome.order.calibration, outcome.calibration
    if folder is None or calibration is None or not outcome.is_calibrated:
        return ()
    return find_missing_labels(outcome.bundle.manifest.cascade, folder, calibration.paths)


def _is_judged_on_calibration(outcome: ConversionOutcome) -> bool:
    """Return whether most of the compared pictures are those that ranges were measured on."""
    if outcome.calibration is None or not outcome.is_calibrated:
        return False
    if outcome.labelled is None:
        return True
    calibrated = {path.resolve() for path in outcome.calibration.paths}
    shared = sum(sample.path.resolve() in calibrated for sample in outcome.labelled.samples)
    return 2 * shared > len(outcome.labelled.samples)


def _is_judged_on_specimens(outcome: ConversionOutcome) -> bool:
    """Return whether every compared picture is known to come from ``converter specimens``."""
    if outcome.labelled is not None:
        sources = {sample.source for sample in outcome.labelled.samples}
    elif outcome.calibration is not None and outcome.order.calibration is not None:
        truths = read_truths(outcome.order.calibration)
        known = [truths.get(path.resolve()) for path in outcome.calibration.paths]
        sources = {"" if sample is None else sample.source for sample in known}
    else:
        return False
    return sources == {SPECIMENS_SOURCE}


def _score_decided(outcome: ConversionOutcome) -> ScoreFigures | None:
    """Return the accuracy of the cascade with its thresholds, over the pictures that it decides."""
    if outcome.labelled is None:
        return None
    cascade = outcome.bundle.manifest.cascade
    if not any(stage.abstain_below for stage in cascade.stages):
        return None
    decided = [
        decision.outcome is not Outcome.UNCERTAIN and truth != UNKNOWN
        for decision, truth in zip(
            decide_all(cascade, outcome.answers), outcome.labelled.corroded, strict=True
        )
    ]
    score = score_cascade(outcome.labelled, cascade, outcome.answers)
    return _describe_score(Score(score.right, int(np.sum(decided))))


def _describe_score(score: Score) -> ScoreFigures:
    low, high = score.interval
    return ScoreFigures(
        right=score.right, pictures=score.pictures, accuracy=score.accuracy, low=low, high=high
    )


def _describe_sources(outcome: ConversionOutcome) -> tuple[SourceReport, ...]:
    return tuple(
        SourceReport(
            stage=stage,
            file=graph.file.path.name,
            kind=graph.file.kind,
            architecture=graph.architecture,
            size_bytes=graph.file.size_bytes,
            sha256=graph.file.sha256,
            facts=tuple(graph.facts),
            not_known=graph.input_contract.not_known,
            licences=graph.licences,
        )
        for stage, graph in outcome.graphs.items()
    )


def _describe_models(outcome: ConversionOutcome) -> tuple[ModelReport, ...]:
    floats = outcome.reference.manifest
    return tuple(
        ModelReport(
            file=model.file,
            stages=graph.stages,
            size_bytes=model.size_bytes,
            float_bytes=floats.model(model.file).size_bytes,
            sha256=model.sha256,
            weights=dict(count_weight_types(outcome.bundle.models[model.file])),
            operators=dict(count_operators(outcome.bundle.models[model.file]).most_common()),
        )
        for model, graph in zip(outcome.bundle.manifest.models, outcome.fused, strict=True)
    )


def _describe_stage(outcome: ConversionOutcome, stage: Stage) -> StageReport:
    no_map = next(out.no_map for graph in outcome.fused for out in graph.outputs if out.stage == stage.name)
    basic = StageReport(
        name=stage.name,
        labels=stage.labels,
        routes=dict(stage.routes),
        otherwise=stage.otherwise,
        model=stage.model,
        has_map=stage.map is not None,
        no_map=no_map,
        temperature=stage.temperature,
        abstain_below=stage.abstain_below,
    )
    comparison = next((c for c in outcome.comparisons if c.stage.name == stage.name), None)
    if comparison is None:
        return basic
    compared = msgspec.structs.replace(
        _add_source(outcome, basic, comparison),
        agreement=None if comparison.kept else comparison.agreement,
        worst_probability_difference=None if comparison.kept else comparison.worst_difference,
        saturated=comparison.saturated,
        widest=find_widest(outcome, comparison),
        differing=list_differing(outcome, comparison),
    )
    return _add_accuracy(outcome, compared, comparison)


def _add_source(outcome: ConversionOutcome, report: StageReport, comparison: StageComparison) -> StageReport:
    """Return the report of a stage with the bundle's figures against the original graph, if it was asked."""
    source = ask_source(outcome, comparison)
    if source is None:
        return report
    stage = comparison.stage
    wanted, known = choose_known_labels(stage, source), ~np.isnan(source).any(axis=1)
    found = label_probabilities(stage, comparison.candidate, 1.0)
    return msgspec.structs.replace(
        report,
        source_agreement=float((choose_labels(stage, comparison.candidate) == wanted)[known].mean()),
        worst_source_difference=float(np.abs(found - source)[known].max()),
    )


def _add_accuracy(
    outcome: ConversionOutcome, report: StageReport, comparison: StageComparison
) -> StageReport:
    """Return the report of a stage with its figures on labelled pictures, if there are any."""
    drop = next((drop for drop in outcome.drops if drop.name == report.name), None)
    if drop is None or outcome.labelled is None:
        return report
    truth = outcome.labelled.truth[report.name]
    known = np.flatnonzero(truth != UNKNOWN)
    logits, right_label = comparison.candidate[known], truth[known]
    probabilities = label_probabilities(comparison.stage, logits, report.temperature)
    labels = choose_labels(comparison.stage, logits)
    confidence, right = probabilities[np.arange(len(labels)), labels], labels == right_label
    fit = outcome.fits.get(report.name)
    abstention = fit.abstention if fit else None
    return msgspec.structs.replace(
        report,
        float_accuracy=None if comparison.kept else _describe_score(drop.reference),
        quantized_accuracy=_describe_score(drop.candidate),
        confusion=tuple(
            tuple(map(int, row))
            for row in count_stage_confusions(outcome.labelled, comparison.stage, outcome.answers)
        ),
        held_out_risk=abstention.held_out_risk if abstention else None,
        held_out_coverage=abstention.held_out_coverage if abstention else None,
        calibration_error_before=expected_calibration_error(
            label_probabilities(comparison.stage, logits, 1.0), right_label
        ),
        calibration_error=expected_calibration_error(probabilities, right_label),
        reliability=bin_by_confidence(confidence, right),
        risk_coverage=_risk_curve(confidence, right),
        mistakes=list_mistakes(outcome, comparison, report.temperature),
    )


def _risk_curve(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """Return the share decided and the error among them, from the most confident picture to all."""
    errors = np.cumsum(~right[np.argsort(-confidence, kind="stable")])
    counts = np.arange(1, len(errors) + 1)
    chosen = np.unique(np.linspace(0, len(errors) - 1, min(_CURVE_POINTS, len(errors))).astype(int))
    return tuple((float(counts[at] / len(errors)), float(errors[at] / counts[at])) for at in chosen)
