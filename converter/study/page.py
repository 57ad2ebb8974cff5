"""Render a study as one self-contained HTML page with plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from converter.evaluation.metrics import percent
from converter.page_template import render_page
from converter.study.models import PILOT, THESIS
from converter.study.text import (
    THESIS_KNOWN,
    draw_conclusions,
    list_studied,
    select_matrices,
    tabulate_architectures,
    tabulate_errors,
    tabulate_models,
    tabulate_pilot,
    tabulate_splits,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converter.study.figures import ModelRow, Study

_AXIS_STEP = 0.1


class Mark(msgspec.Struct, frozen=True):
    """One point of a plot.

    Attributes:
        kind: CSS class: a split, or ``thesis``.
        text: its tooltip.
        at: position in percent of the axis' length.
        low: lower end of its interval, as ``at``.
        high: upper end of its interval, as ``at``.
    """

    kind: str
    text: str
    at: float
    low: float
    high: float


class Plot(msgspec.Struct, frozen=True):
    """Accuracies along one axis.

    Attributes:
        low: accuracy at the start of the axis; its end is 1.
        ticks: labels and positions in percent of the axis' length.
        lines: title, accuracy as text, and marks of each row.
    """

    low: float
    ticks: tuple[tuple[str, float], ...]
    lines: tuple[tuple[str, str, tuple[Mark, ...]], ...]


def render_study(found: Study) -> bytes:
    """Render the page."""
    sections = []
    for architecture in list_studied(found):
        rows = [row for row in found.rows if row.architecture == architecture]
        sections.append(
            {
                "architecture": architecture,
                "plot": make_plot(rows),
                "pilot": tabulate_pilot(rows),
                "models": tabulate_models(rows),
                "errors": tabulate_errors(rows),
                "splits": tabulate_splits(rows),
                "matrices": select_matrices(rows),
            }
        )
    return render_page(
        "study.html",
        found=found,
        sections=sections,
        conclusions=draw_conclusions(found),
        architectures=tabulate_architectures(found) if len(sections) > 1 else None,
        pilot=PILOT,
        thesis_known=THESIS_KNOWN,
    )


def make_plot(rows: Sequence[ModelRow]) -> Plot:
    """Lay out the accuracies of one architecture: every split of each model, and the thesis'."""
    values = [row.accuracy.low for row in rows] + [
        THESIS[row.model] / 100 for row in rows if row.model in THESIS
    ]
    low = max(0.0, min(0.9, _AXIS_STEP * int((min(values) + 1e-9) / _AXIS_STEP)))
    titles = dict.fromkeys(_title(row) for row in rows)
    lines = []
    for title in titles:
        of_title = [row for row in rows if _title(row) == title]
        marks = [_make_mark(row, low) for row in of_title]
        model = of_title[0].model
        if model in THESIS:
            at = _axis_position(THESIS[model] / 100, low)
            marks.append(Mark("thesis", f"the thesis: {THESIS[model]:.2f} %", at, at, at))
        lines.append((title, percent(of_title[0].accuracy.value), tuple(marks)))
    steps = round((1 - low) / _AXIS_STEP)
    ticks = tuple((f"{100 * low + 10 * number:.0f} %", 100 * number / steps) for number in range(steps + 1))
    return Plot(low, ticks, tuple(lines))


def _title(row: ModelRow) -> str:
    return row.model if row.steps is None else f"Model 1: pilot, {row.steps} steps"


def _make_mark(row: ModelRow, low: float) -> Mark:
    values = (row.accuracy.value, row.accuracy.low, row.accuracy.high)
    accuracy, least, most = (percent(value) for value in values)
    return Mark(
        row.split,
        f"{row.split}: {accuracy}, {least} to {most}",
        *(_axis_position(value, low) for value in values),
    )


def _axis_position(accuracy: float, low: float) -> float:
    return round(100 * (accuracy - low) / (1 - low), 2)
