"""Collect the figures of a conversion as a ``Report``: ``report.json``, and the data of its page."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.data.stage_truth import UNKNOWN
from converter.evaluation.float_agreement import choose_labels
from converter.evaluation.labelled_set import Score, count_stage_confusions, decide_all, score_cascade
from converter.evaluation.metrics import bin_by_confidence, expected_calibration_error
from converter.tflite.tflite_file import count_operators, count_weight_types
from edge_node.inference.probabilities import label_probabilities
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from converter.conversion.order import ConversionOutcome
    from converter.evaluation.float_agreement import StageComparison
    from edge_node.inference.manifest import Stage

_CURVE_POINTS = 40
_LISTED_PICTURES = 12


class ScoreFigures(msgspec.Struct, frozen=True, kw_only=True):
    """An accuracy with its 95 % interval."""

    right: int
    pictures: int
    accuracy: float
    low: float
    high: float


class ReportedMistake(msgspec.Struct, frozen=True, kw_only=True):
    """One picture that a stage got wrong, or that float and quantized models label differently."""

    picture: str
    index: int
    truth: str | None
    float_label: str
    quantized_label: str
    confidence: float


class StageReport(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one stage. Curves are lists of points ``(x, y)``, each 0 to 1."""

    name: str
    labels: tuple[str, ...]
    routes: dict[str, str]
    otherwise: str | None
    model: str
    has_map: bool
    no_map: str
    agreement: float | None = None
    worst_probability_difference: float | None = None
    saturated: float | None = None
    float_accuracy: ScoreFigures | None = None
    quantized_accuracy: ScoreFigures | None = None
    confusion: tuple[tuple[int, ...], ...] = ()
    temperature: float = 1.0
    abstain_below: float = 0.0
    held_out_risk: float | None = None
    held_out_coverage: float | None = None
    calibration_error_before: float | None = None
    calibration_error: float | None = None
    reliability: tuple[tuple[float, float, float], ...] = ()
    risk_coverage: tuple[tuple[float, float], ...] = ()
    differing: tuple[ReportedMistake, ...] = ()
    mistakes: tuple[ReportedMistake, ...] = ()


class SourceReport(msgspec.Struct, frozen=True, kw_only=True):
    """One graph that was converted; ``facts`` are pairs of a fact about its input and where it comes from."""

    stage: str
    file: str
    kind: str
    architecture: str
    size_bytes: int
    sha256: str
    facts: tuple[tuple[str, str], ...] = ()


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """One ``.tflite`` file of the bundle."""

    file: str
    stages: tuple[str, ...]
    size_bytes: int
    float_bytes: int
    sha256: str
    weights: dict[str, int]
    operators: dict[str, int]


class ModeReport(msgspec.Struct, frozen=True, kw_only=True):
    """Size and speed of a mode on this machine at one thread; time and memory of converting to it."""

    mode: str
    size_bytes: int
    milliseconds: float
    conversion_seconds: float
    conversion_peak_memory_mb: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one conversion: the content of ``report.json``."""

    name: str
    version: str
    created: str
    mode: str
    target: str
    machine: str
    tools: dict[str, str]
    sources: tuple[SourceReport, ...]
    models: tuple[ModelReport, ...]
    root: str
    stages: tuple[StageReport, ...]
    calibration_pictures: int
    calibration_sha256: str
    calibration_seed: int
    judged_on: str
    judged_pictures: int
    cascade_float: ScoreFigures | None
    cascade_quantized: ScoreFigures | None
    cascade_decided: ScoreFigures | None
    float_ms: float
    quantized_ms: float
    modes: tuple[ModeReport, ...]
    seconds: float
    peak_memory_mb: float
    largest_child_peak_memory_mb: float
    float_layers: tuple[str, ...]
    warnings: tuple[str, ...]
    licence: str
    intended_use: str


def collect_report(outcome: ConversionOutcome) -> Report:
    """Return the figures of one conversion."""
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
    )


def encode_report(report: Report) -> bytes:
    """Return the content of ``report.json``."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def name_picture(outcome: ConversionOutcome, index: int) -> str:
    """Return folder and file name of the compared picture at ``index``."""
    if outcome.labelled:
        path = outcome.labelled.samples[index].path
    elif outcome.calibration:
        path = outcome.calibration.paths[index]
    else:
        return f"golden picture {index}"
    return f"{path.parent.name}/{path.name}"


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
        basic,
        agreement=None if comparison.kept else comparison.agreement,
        worst_probability_difference=None if comparison.kept else comparison.worst_difference,
        saturated=comparison.saturated,
        differing=_list_differing(outcome, comparison),
    )
    return _add_accuracy(outcome, compared, comparison)


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
    wrong = known[~right][np.argsort(-confidence[~right])][:_LISTED_PICTURES]
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
        mistakes=tuple(_describe_mistake(outcome, comparison, int(at), report.temperature) for at in wrong),
    )


def _list_differing(outcome: ConversionOutcome, comparison: StageComparison) -> tuple[ReportedMistake, ...]:
    differing = np.flatnonzero(~comparison.same_label)[:_LISTED_PICTURES]
    return tuple(_describe_mistake(outcome, comparison, int(at), 1.0) for at in differing)


def _describe_mistake(
    outcome: ConversionOutcome, comparison: StageComparison, index: int, temperature: float
) -> ReportedMistake:
    labels = comparison.stage.labels
    truth = int(outcome.labelled.truth[comparison.stage.name][index]) if outcome.labelled else UNKNOWN
    probabilities = label_probabilities(comparison.stage, comparison.candidate[index], temperature)
    wanted, found = (
        int(choose_labels(comparison.stage, logits[[index]])[0])
        for logits in (comparison.reference, comparison.candidate)
    )
    return ReportedMistake(
        picture=name_picture(outcome, index),
        index=index,
        truth=None if truth == UNKNOWN else labels[truth],
        float_label=labels[wanted],
        quantized_label=labels[found],
        confidence=float(probabilities[found]),
    )


def _risk_curve(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """Return the share decided and the error among them, from the most confident picture to all."""
    errors = np.cumsum(~right[np.argsort(-confidence, kind="stable")])
    counts = np.arange(1, len(errors) + 1)
    chosen = np.unique(np.linspace(0, len(errors) - 1, min(_CURVE_POINTS, len(errors))).astype(int))
    return tuple((float(counts[at] / len(errors)), float(errors[at] / counts[at])) for at in chosen)
