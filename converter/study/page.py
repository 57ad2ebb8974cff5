"""A study as one page of HTML without anything beside it: a phone shows it, a printer prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from converter.page_template import render_page
from converter.study.models import PILOT, THESIS
from converter.study.text import (
    THESIS_KNOWN,
    architectures,
    by_architecture,
    conclusions,
    error_table,
    matrices,
    model_table,
    percent,
    pilot_table,
    split_table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converter.study.figures import ModelRow
    from converter.study.results import Study

_AXIS_STEP = 0.1


class Mark(msgspec.Struct, frozen=True):
    """One point of a plot.

    Attributes:
        kind: how it is drawn: a split, or ``thesis``.
        text: what a reader who points at it is told.
        at: place on the axis in percent of its length.
        low: begin of the line through it, as ``at``; so is ``high``, its end.
    """

    kind: str
    text: str
    at: float
    low: float
    high: float


class Plot(msgspec.Struct, frozen=True):
    """Accuracies along one axis.

    Attributes:
        low: accuracy at the axis' begin; its end is 1.
        ticks: labels and places, in percent of its length.
        lines: title, the accuracy as text, and what stands on it.
    """

    low: float
    ticks: tuple[tuple[str, float], ...]
    lines: tuple[tuple[str, str, tuple[Mark, ...]], ...]


def page(found: Study) -> bytes:
    """Return the page."""
    sections = []
    for architecture in architectures(found):
        rows = [row for row in found.rows if row.architecture == architecture]
        sections.append(
            {
                "architecture": architecture,
                "plot": plot(rows),
                "pilot": pilot_table(rows),
                "models": model_table(rows),
                "errors": error_table(rows),
                "splits": split_table(rows),
                "matrices": matrices(rows),
            }
        )
    return render_page(
        "study.html",
        found=found,
        sections=sections,
        conclusions=conclusions(found),
        architectures=by_architecture(found) if len(sections) > 1 else None,
        pilot=PILOT,
        thesis_known=THESIS_KNOWN,
    )


def plot(rows: Sequence[ModelRow]) -> Plot:
    """Return the accuracies of one architecture: of each model every split, and the thesis'."""
    values = [row.accuracy.low for row in rows] + [
        THESIS[row.model] / 100 for row in rows if row.model in THESIS
    ]
    low = max(0.0, min(0.9, _AXIS_STEP * int((min(values) + 1e-9) / _AXIS_STEP)))
    titles = dict.fromkeys(_title(row) for row in rows)
    lines = []
    for title in titles:
        of_title = [row for row in rows if _title(row) == title]
        marks = [_mark(row, low) for row in of_title]
        model = of_title[0].model
        if model in THESIS:
            at = _place(THESIS[model] / 100, low)
            marks.append(Mark("thesis", f"the thesis: {THESIS[model]:.2f} %", at, at, at))
        lines.append((title, percent(of_title[0].accuracy.value), tuple(marks)))
    steps = round((1 - low) / _AXIS_STEP)
    ticks = tuple((f"{100 * low + 10 * number:.0f} %", 100 * number / steps) for number in range(steps + 1))
    return Plot(low, ticks, tuple(lines))


def _title(row: ModelRow) -> str:
    return row.model if row.steps is None else f"Model 1: pilot, {row.steps} steps"


def _mark(row: ModelRow, low: float) -> Mark:
    values = (row.accuracy.value, row.accuracy.low, row.accuracy.high)
    said, least, most = (percent(value) for value in values)
    return Mark(
        row.split, f"{row.split}: {said}, {least} to {most}", *(_place(value, low) for value in values)
    )


def _place(accuracy: float, low: float) -> float:
    return round(100 * (accuracy - low) / (1 - low), 2)
