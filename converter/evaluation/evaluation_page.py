"""Render an evaluation as one self-contained HTML page: tables, and the pictures with wrong predictions."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import cv2

from converter.evaluation.evaluation import find_mistakes
from converter.evaluation.metrics import decimal, percent
from converter.evaluation.stress import tabulate_stress
from converter.page_template import render_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converter.evaluation.evaluation import Evaluation, Figures, Mistake
    from converter.evaluation.judge import JudgedSample
    from converter.evaluation.map_quality import MapFigures
    from converter.evaluation.questions import Question

WRONG_SHOWN = 200  # pictures
_THUMBNAIL_PX = 240


def render_evaluation(found: Evaluation, judged: Sequence[JudgedSample], asked: Sequence[Question]) -> bytes:
    """Render the page; the most confident mistakes come first."""
    wrong = [(one, mistakes) for one in judged if (mistakes := find_mistakes(asked, one))]
    wrong.sort(key=lambda pair: -max(mistake.confidence or 0.0 for mistake in pair[1]))
    return render_page(
        "evaluation.html",
        found=found,
        summary=_summary_table(found.figures),
        maps=_map_table(found.maps),
        sources=_source_rows,
        percent=percent,
        stress=_stress_parts(found),
        wrong=len(wrong),
        shown=[_figure(one, mistakes) for one, mistakes in wrong[:WRONG_SHOWN]],
    )


def _stress_parts(found: Evaluation) -> list[tuple[str, tuple[list[str], list[list[str]]], str]]:
    """Return heading, table and plot of each question about worse pictures."""
    if found.stress is None:
        return []
    from converter.charts import draw_shares  # matplotlib takes a second to load

    return [
        (f"{table.question} {table.pictures} pictures", tabulate_stress(table), draw_shares(table.bars))
        for table in found.stress.tables
    ]


def _summary_table(all_figures: Sequence[Figures]) -> tuple[list[str], list[list[str]]]:
    heads = [
        "question",
        "pictures",
        "groups",
        "accuracy",
        "95 % by group",
        "abstained",
        "accuracy where decided",
    ]
    cells = [
        [
            *(one.question, str(one.pictures), str(one.groups), percent(one.accuracy.value)),
            f"{100 * one.accuracy.low:.1f} to {100 * one.accuracy.high:.1f}",
            *(percent(one.abstained), percent(one.accuracy_decided), percent(one.calibration_error)),
            *_detection_cells(one),
        ]
        for one in all_figures
    ]
    return [*heads, "calibration error", "precision", "recall", "F-measure"], cells


def _detection_cells(figures: Figures) -> list[str]:
    found = figures.detection
    return (
        [percent(value) for value in (found.precision, found.recall, found.f_measure)] if found else [""] * 3
    )


def _source_rows(figures: Figures) -> list[list[str]]:
    return [[part.source, str(part.pictures), percent(part.accuracy)] for part in figures.sources]


def _map_table(all_figures: Sequence[MapFigures]) -> tuple[list[str], list[list[str]]]:
    cells = [
        [m.source, str(m.pictures), decimal(m.pixel_auroc), decimal(m.iou), percent(m.area_error)]
        for m in all_figures
    ]
    return ["source", "pictures", "pixel AUROC", "IoU", "mean error of the area"], cells


def _figure(judged: JudgedSample, mistakes: Sequence[Mistake]) -> tuple[str, str, Sequence[Mistake]]:
    """Return a thumbnail as a data URL, the picture's name and its mistakes."""
    pixels = judged.sample.read()
    scale = _THUMBNAIL_PX / max(pixels.shape[:2])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 75])
    address = f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"
    return address, judged.sample.path.name, mistakes
