"""An evaluation as one page of HTML without anything beside it: tables, and the pictures that went wrong."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import cv2

from converter.evaluation.evaluation import percent
from converter.evaluation.questions import Figures, Mistake, Question, mistakes
from converter.page_template import render_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converter.evaluation.evaluation import Evaluation
    from converter.evaluation.judge import JudgedSample
    from converter.evaluation.map_quality import MapFigures

WRONG_SHOWN = 200
_THUMBNAIL_PX = 240


def page(found: Evaluation, answers: Sequence[JudgedSample], asked: Sequence[Question]) -> bytes:
    """Return the page."""
    wrong = [(answer, missed) for answer in answers if (missed := mistakes(asked, answer))]
    wrong.sort(key=lambda pair: -max(one.confidence or 0.0 for one in pair[1]))
    return render_page(
        "evaluation.html",
        found=found,
        summary=_summary(found.figures),
        maps=_maps(found.maps),
        sources=_sources,
        percent=percent,
        wrong=len(wrong),
        shown=[_shown(answer, missed) for answer, missed in wrong[:WRONG_SHOWN]],
    )


def _summary(all_figures: Sequence[Figures]) -> tuple[list[str], list[list[str]]]:
    heads = ["question", "pictures", "groups", "accuracy", "95 % by group", "abstained", "of the others"]
    cells = [
        [
            *(one.question, str(one.pictures), str(one.groups), percent(one.accuracy.value)),
            f"{100 * one.accuracy.low:.1f} to {100 * one.accuracy.high:.1f}",
            *(percent(one.abstained), percent(one.accuracy_decided), percent(one.calibration_error)),
            *_detected(one),
        ]
        for one in all_figures
    ]
    return [*heads, "calibration error", "precision", "recall", "F-measure"], cells


def _detected(figures: Figures) -> list[str]:
    found = figures.detection
    return (
        [percent(value) for value in (found.precision, found.recall, found.f_measure)] if found else [""] * 3
    )


def _sources(figures: Figures) -> list[list[str]]:
    return [[part.source, str(part.pictures), percent(part.accuracy)] for part in figures.sources]


def _maps(all_figures: Sequence[MapFigures]) -> tuple[list[str], list[list[str]]]:
    cells = [
        [m.source, str(m.pictures), f"{m.pixel_auroc:.3f}", f"{m.iou:.3f}", percent(m.area_error)]
        for m in all_figures
    ]
    return ["source", "pictures", "pixel AUROC", "IoU", "mean error of the area"], cells


def _shown(answer: JudgedSample, missed: Sequence[Mistake]) -> tuple[str, str, Sequence[Mistake]]:
    """Return a thumbnail as a data address, the picture's name and what was said wrongly of it."""
    pixels = answer.sample.read()
    scale = _THUMBNAIL_PX / max(pixels.shape[:2])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 75])
    address = f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"
    return address, answer.sample.path.name, missed
