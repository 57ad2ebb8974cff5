"""An evaluation as one page of HTML without anything beside it: tables, and the pictures that went wrong."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

import cv2

from converter.evaluate import percent
from converter.questions import is_wrong

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from converter.evaluate import Evaluation
    from converter.judging import Answer
    from converter.map_quality import MapFigures
    from converter.questions import Figures

WRONG_SHOWN = 200
_THUMBNAIL_PX = 160
_STYLE = """
body { font: 15px/1.4 sans-serif; margin: 1em auto; max-width: 70em; padding: 0 1em; }
table { border-collapse: collapse; margin: .5em 0; }
td, th { border: 1px solid #bbb; padding: .2em .6em; text-align: right; }
th:first-child, td:first-child { text-align: left; }
figure { display: inline-block; margin: .3em; width: 160px; vertical-align: top; font-size: 12px; }
figure img { width: 160px; }
"""


def page(found: Evaluation, answers: Sequence[Answer]) -> str:
    """Return the page as HTML."""
    wrong = [answer for answer in answers if is_wrong(answer)]
    wrong.sort(key=lambda answer: -(answer.decision.condition_confidence or 0.0))
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width'>",
        f"<title>{escape(found.model)}</title><style>{_STYLE}</style>",
        f"<h1>{escape(found.model)}</h1>",
        (
            f"<p>{found.pictures} pictures of {escape(found.data)}. Time of a decision: mean"
            f" {found.mean_ms:.1f} ms, 95 of 100 within {found.p95_ms:.1f} ms.</p>"
        ),
        _summary(found.figures),
        *(_details(figures) for figures in found.figures),
        _maps(found.maps),
        f"<h2>Wrong or undecided: {len(wrong)} pictures</h2><p>The surest mistakes come first.</p>",
        *(_figure(answer) for answer in wrong[:WRONG_SHOWN]),
        "</html>",
    ]
    return "\n".join(parts)


def _summary(all_figures: Iterable[Figures]) -> str:
    rows = [
        (
            figures.question,
            str(figures.pictures),
            str(figures.groups),
            percent(figures.accuracy.value),
            f"{percent(figures.accuracy.low)} to {percent(figures.accuracy.high)}",
            percent(figures.abstained),
            percent(figures.calibration_error),
            *(
                ("", "", "")
                if figures.detection is None
                else (
                    percent(figures.detection.precision),
                    percent(figures.detection.recall),
                    percent(figures.detection.f_measure),
                )
            ),
        )
        for figures in all_figures
    ]
    heads = ("question", "pictures", "groups", "accuracy", "95 % by group", "abstained", "calibration error")
    return _table((*heads, "precision", "recall", "F-measure"), rows)


def _details(figures: Figures) -> str:
    columns = list(next(iter(figures.crossover.values())))
    matrix = [
        (truth, *(str(counts[name]) for name in columns)) for truth, counts in figures.crossover.items()
    ]
    text = f"<h2>{escape(figures.question)}</h2>" + _table(("truth \\ said", *columns), matrix)
    if figures.between_materials is not None:
        text += f"<p>Errors between materials: {percent(figures.between_materials)}</p>"
    if figures.sources:
        sources = [(part.source, str(part.pictures), percent(part.accuracy)) for part in figures.sources]
        text += _table(("source", "pictures", "accuracy"), sources)
    return text


def _maps(all_figures: Sequence[MapFigures]) -> str:
    if not all_figures:
        return ""
    rows = [
        (m.source, str(m.pictures), f"{m.pixel_auroc:.3f}", f"{m.iou:.3f}", percent(m.area_error))
        for m in all_figures
    ]
    heads = ("source", "pictures", "pixel AUROC", "IoU", "mean error of the area")
    return "<h2>Maps against masks</h2>" + _table(heads, rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _figure(answer: Answer) -> str:
    pixels = answer.sample.read()
    scale = _THUMBNAIL_PX / max(pixels.shape[:2])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])
    source = base64.b64encode(encoded.tobytes()).decode()
    sure = answer.decision.condition_confidence
    said = answer.decision.outcome.value + (f" {sure:.0%}" if sure is not None else "")
    caption = f"{answer.sample.path.name}: is {answer.sample.labels['corroded']}, said {said}"
    return f"<figure><img alt='' src='data:image/jpeg;base64,{source}'>{escape(caption)}</figure>"
