"""Render the report of a conversion as one HTML page that loads nothing, fits a phone and can be printed."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import cv2
import matplotlib as mpl

from converter.page_template import render_page
from edge_node.inference.engine import Engine
from edge_node.inspection.corrosion_map import corroded_labels, corroded_probability
from edge_node.inspection.overlay import draw_overlay

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from converter.conversion.order import ConversionOutcome
    from converter.conversion.report import Report, StageReport

_THUMBNAIL_PX = 320
_JPEG_QUALITY = 80


def render_report(report: Report, pictures: dict[tuple[str, int], str] | None = None) -> bytes:
    """Return the report as a page of HTML.

    Args:
        report: the figures.
        pictures: ``data:`` addresses by stage and index, from ``render_thumbnails``; pictures without one are
            only named.
    """
    return render_page(
        "report.html",
        filters={
            "megabytes": lambda size: f"{size / 1e6:.2f} MB",
            "percent": lambda share: f"{100 * share:.1f} %",
        },
        report=report,
        stages={stage.name: stage for stage in report.stages},
        charts={stage.name: _draw_charts(stage) for stage in report.stages if stage.reliability},
        pictures=pictures or {},
    )


def render_thumbnails(outcome: ConversionOutcome, report: Report) -> dict[tuple[str, int], str]:
    """Return the pictures that the report lists, with their maps drawn in, as ``data:`` addresses."""
    engine = Engine(outcome.bundle, threads=2)
    wanted = {
        (stage.name, mistake.index)
        for stage in report.stages
        for mistake in (*stage.differing, *stage.mistakes)
    }
    return {key: _render_thumbnail(outcome, engine, *key) for key in sorted(wanted)}


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
    return (outcome.calibration.pixels if outcome.calibration else outcome.bundle.golden.pictures)[index]


def _draw_charts(stage: StageReport) -> str:
    """Return plots of reliability and of risk over coverage side by side, as SVG text."""
    mpl.use("svg")
    from matplotlib import pyplot as plt

    with mpl.rc_context({"font.size": 9, "svg.fonttype": "none", "axes.spines.top": False}):
        figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.9), layout="constrained")
        left.plot([0, 1], [0, 1], color="#999", linewidth=0.8)
        confidence, accuracy, share = zip(*stage.reliability, strict=True)
        left.scatter(confidence, accuracy, s=[12 + 160 * s for s in share], color="#0b6e8f", alpha=0.8)
        left.set(
            xlabel="confidence", ylabel="accuracy", title="reliability", xlim=(0.3, 1.02), ylim=(0, 1.03)
        )
        coverage, risk = zip(*stage.risk_coverage, strict=True)
        right.plot(coverage, risk, color="#b3541e")
        right.set(
            xlabel="share decided", ylabel="error among them", title="risk and coverage", xlim=(0, 1.02)
        )
        right.set_ylim(bottom=0)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        plt.close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]
