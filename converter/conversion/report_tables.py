"""Lay out the figures of a report as tables: headings, and rows of texts. Columns may be empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from converter.conversion.report import Report, ScoreFigures, StageReport

Table: TypeAlias = tuple[list[str], list[list[str]]]
_NBSP = "\N{NO-BREAK SPACE}"


def tabulate_modes(report: Report) -> Table:
    """Return size, time and cost of conversion of each mode."""
    rows = []
    for cost in report.modes:
        mode = "float32" if cost.mode == "none" else cost.mode
        rows.append(
            [
                f"{mode} (this bundle)" if mode == report.mode else mode,
                _megabytes(cost.size_bytes),
                f"{cost.milliseconds:.1f}{_NBSP}ms",
                f"{cost.conversion_seconds:.1f}{_NBSP}s",
                f"{cost.conversion_peak_memory_mb:.0f}{_NBSP}MB",
            ]
        )
    return ["mode", "size", "one picture", "time of conversion", "memory of conversion"], rows


def tabulate_stages(report: Report) -> Table:
    """Return each stage's agreement with the original graph and with float, and its accuracies."""
    is_float = report.mode == "float32"
    heads = ["stage", "same label as the source", "worst difference from it"]
    heads += ["same label as float", "worst probability difference"]
    heads += [f"{model} right (95{_NBSP}%)" for model in ("float", "bundle" if is_float else report.mode)]
    heads.append("pictures")
    rows = [_stage_row(stage, is_float=is_float) for stage in report.stages]
    if report.cascade_float and report.cascade_quantized:
        before, found = report.cascade_float, report.cascade_quantized
        name = "whole cascade: corroded or not, before thresholds were fitted"
        accuracies = ["" if is_float else _accuracy(before), _accuracy(found)]
        rows.append([name, *([""] * 4), *accuracies, str(found.pictures)])
    return heads, rows


def tabulate_readings(report: Report) -> Table:
    """Return how often each graph is right in TensorFlow under every reading of its pixels that was tried."""
    rows = [
        [one.stage, one.reading, f"{one.right} of {one.pictures}", str(one.gained), str(one.lost)]
        for one in (report.proof.readings if report.proof else ())
    ]
    return ["stage", "read as", "right", "right only with this reading", "wrong only with this reading"], rows


def tabulate_sources(report: Report) -> Table:
    """Return the graphs and the calibration pictures that went in."""
    rows = [
        [
            source.stage,
            f"{source.file}, {source.kind}, {source.architecture}",
            _megabytes(source.size_bytes),
            source.sha256,
        ]
        for source in report.sources
    ]
    if report.calibration_pictures:
        told = f"{report.calibration_pictures} pictures, seed {report.calibration_seed}"
        rows.append(["calibration", told, "", report.calibration_sha256])
    return ["stage", "file", "size", "sha256"], rows


def tabulate_models(report: Report) -> Table:
    """Return the models of the bundle."""
    is_float = report.mode == "float32"
    rows = [
        [
            model.file,
            ", ".join(model.stages),
            "" if is_float else _megabytes(model.float_bytes),
            _megabytes(model.size_bytes),
            ", ".join(f"{count} {kind}" for kind, count in model.weights.items()),
            ", ".join(f"{count} {kind}" for kind, count in model.operators.items()),
            model.sha256,
        ]
        for model in report.models
    ]
    return ["file", "stages", "float", report.mode, "weights", "operators", "sha256"], rows


def _stage_row(stage: StageReport, *, is_float: bool) -> list[str]:
    found = stage.quantized_accuracy
    return [
        stage.name,
        _percent(stage.source_agreement),
        _difference(stage.worst_source_difference),
        "" if is_float else _percent(stage.agreement),
        "" if is_float else _difference(stage.worst_probability_difference),
        _accuracy(stage.float_accuracy) if stage.float_accuracy and not is_float else "",
        _accuracy(found) if found else "",
        str(found.pictures) if found else "",
    ]


def _accuracy(score: ScoreFigures) -> str:
    low, high = f"{100 * score.low:.1f}", f"{100 * score.high:.1f}"
    return f"{_percent(score.accuracy)} ({low}{_NBSP}to{_NBSP}{high})"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}{_NBSP}%"


def _difference(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.2f}{_NBSP}MB"
