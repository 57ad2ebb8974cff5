"""Render the report of a conversion as one HTML page that loads nothing, fits a phone and can be printed."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.charts import encode_svg, svg_style
from converter.conversion.report_tables import (
    tabulate_models,
    tabulate_modes,
    tabulate_readings,
    tabulate_sources,
    tabulate_stages,
)
from converter.page_template import render_page
from edge_node.camera.picture import read_judged
from edge_node.inference.engine import Engine
from edge_node.inspection.corrosion_map import corroded_labels, corroded_probability
from edge_node.inspection.overlay import draw_overlay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from converter.conversion.order import ConversionOutcome
    from converter.conversion.report import Report, StageReport

_THUMBNAIL_PX = 320
_JPEG_QUALITY = 80
_MOST_BYTES = 3_000_000  # of all pictures; those beyond are only named
_LABELS_IN_TREE = 8  # of a stage that lead nowhere


def render_report(report: Report, pictures: dict[tuple[str, int], str] | None = None) -> bytes:
    """Return the report as a page of HTML.

    Args:
        report: the figures.
        pictures: ``data:`` addresses by stage and index, from ``render_thumbnails``; pictures without one are
            only named. None: they stay where they are, and the page says so.
    """
    return render_page(
        "report.html",
        filters={"percent": lambda share: f"{100 * share:.1f}\N{NO-BREAK SPACE}%"},
        report=report,
        stages={stage.name: stage for stage in report.stages},
        tables={
            "modes": tabulate_modes(report),
            "stages": tabulate_stages(report),
            "readings": tabulate_readings(report),
            "sources": tabulate_sources(report),
            "models": tabulate_models(report),
        },
        crossovers={
            stage.name: {
                truth: dict(zip(stage.labels, row, strict=True))
                for truth, row in zip(stage.labels, stage.confusion, strict=True)
            }
            for stage in report.stages
            if stage.confusion
        },
        charts={stage.name: _draw_charts(stage) for stage in report.stages if stage.reliability},
        labels_shown={stage.name: _choose_labels(stage) for stage in report.stages},
        has_pictures=pictures is not None,
        pictures=pictures or {},
    )


def render_thumbnails(outcome: ConversionOutcome, report: Report) -> dict[tuple[str, int], str]:
    """Return the pictures that the report lists, with their maps drawn in, as ``data:`` addresses.

    The first of every list come first, until all together are as large as a page may be.
    """
    engine = Engine(outcome.bundle, threads=2)
    found: dict[tuple[str, int], str] = {}
    size = 0
    for key in _list_wanted(report):
        if key not in found:
            found[key] = _render_thumbnail(outcome, engine, *key)
            size += len(found[key])
        if size > _MOST_BYTES:
            del found[key]
            break
    return found


def _choose_labels(stage: StageReport) -> list[str]:
    """Return the labels that the tree of the cascade shows of a stage: the first, and those that lead on."""
    return [label for at, label in enumerate(stage.labels) if at < _LABELS_IN_TREE or label in stage.routes]


def _list_wanted(report: Report) -> Iterator[tuple[str, int]]:
    lists = [
        (stage.name, shown)
        for stage in report.stages
        for shown in (stage.differing or ((stage.widest,) if stage.widest else ()), stage.mistakes)
    ]
    for at in range(max((len(shown) for _, shown in lists), default=0)):
        yield from ((name, shown[at].index) for name, shown in lists if at < len(shown))


def _render_thumbnail(outcome: ConversionOutcome, engine: Engine, stage_name: str, index: int) -> str:
    pixels = _read_picture(outcome, index)
    stage = outcome.bundle.manifest.cascade.stage(stage_name)
    probability = None
    if stage.map is not None and corroded_labels(stage):
        judgement = engine.judge(pixels)
        if stage_name in judgement.maps:
            probability = corroded_probability(judgement.maps[stage_name], stage)
    scale = _THUMBNAIL_PX / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    drawn = draw_overlay(small.astype("uint8"), probability, [])
    _, encoded = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"


def _read_picture(outcome: ConversionOutcome, index: int) -> NDArray[np.uint8]:
    if outcome.labelled:
        return outcome.labelled.samples[index].read()
    if outcome.calibration:
        return read_judged(outcome.calibration.paths[index])
    return np.asarray(outcome.bundle.golden.pictures[index])


def _draw_charts(stage: StageReport) -> str:
    """Return plots of reliability and of risk over coverage side by side, as SVG text."""
    with svg_style() as plt:
        figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.9), layout="constrained")
        left.plot([0, 1], [0, 1], color="#999", linewidth=0.8)
        confidence, accuracy, share = zip(*stage.reliability, strict=True)
        left.scatter(confidence, accuracy, s=[12 + 160 * s for s in share], color="#0b6e8f", alpha=0.8)
        left.set(xlabel="confidence", ylabel="accuracy", title="reliability")
        left.set(xlim=(min(0.3, min(confidence) - 0.05), 1.04), ylim=(-0.05, 1.06))
        coverage, risk = zip(*stage.risk_coverage, strict=True)
        right.plot(coverage, risk, color="#b3541e")
        right.set(
            xlabel="share decided", ylabel="error among them", title="risk and coverage", xlim=(0, 1.02)
        )
        right.set_ylim(bottom=0, top=max(0.05, 1.1 * max(risk)))
        return encode_svg(plt, figure)
