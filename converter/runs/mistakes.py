"""Compare a stage's predictions with the truth: figures, the misclassified pictures, and a sheet of them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.data.stage_truth import UNKNOWN
from converter.runs.run_record import StageFigures
from edge_node.inference.probabilities import softmax
from edge_node.inspection.overlay import draw_overlay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from converter.data.dataset import Sample
    from converter.training.steps.training_data import TrainingTarget

_SHOWN = 48
_COLUMNS, _CELL_WIDTH_PX, _CELL_HEIGHT_PX, _GAP_PX = 6, 240, 180, 4
_BACKGROUND = 24  # as below overlays


@dataclass(frozen=True, slots=True)
class Mistake:
    """A picture whose label one stage got wrong, with the probability that it gave its own."""

    sample: Sample
    stage: str
    truth: str
    predicted: str
    probability: float


def judge_stage(
    samples: Sequence[Sample],
    question: TrainingTarget,
    logits: NDArray[np.float32],
    chosen: NDArray[np.bool_],
    pictures_of: str,
) -> tuple[StageFigures, list[Mistake]] | None:
    """Compare one stage's predictions with the truth; None where no chosen picture has one.

    Args:
        samples: all pictures.
        question: the stage's labels and the true one of each picture.
        logits: ``(pictures, labels)``; NaN where there are none.
        chosen: the pictures to compare, ``(pictures,)``.
        pictures_of: what pictures these are, in words.
    """
    known = chosen & (question.targets != UNKNOWN) & np.isfinite(logits[:, 0])
    rows: list[int] = np.flatnonzero(known).tolist()
    if not rows:
        return None
    labels, targets, found = question.labels, question.targets[rows], logits[rows].argmax(axis=1)
    counts = np.zeros((len(labels), len(labels)), int)
    np.add.at(counts, (targets, found), 1)
    figures = StageFigures(
        stage=question.name,
        pictures_of=pictures_of,
        pictures=len(rows),
        groups=len({samples[row].group for row in rows}),
        right=float((found == targets).mean()),
        crossover={
            truth: dict(zip(labels, map(int, row), strict=True))
            for truth, row in zip(labels, counts, strict=True)
        },
    )
    mistakes = [
        Mistake(
            samples[row],
            question.name,
            labels[target],
            labels[answer],
            float(softmax(logits[row].astype(np.float64))[answer]),
        )
        for row, target, answer in zip(rows, targets, found, strict=True)
        if target != answer
    ]
    return figures, sorted(mistakes, key=lambda mistake: -mistake.probability)


def format_mistakes(mistakes: Sequence[Mistake]) -> bytes:
    """Return the mistakes as CSV with a line of headings, in UTF-8."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["file", "stage", "truth", "predicted", "probability"])
    rows.writerows(
        [one.sample.path, one.stage, one.truth, one.predicted, f"{one.probability:.4f}"] for one in mistakes
    )
    return text.getvalue().encode()


def draw_mistakes(mistakes: Sequence[Mistake]) -> bytes:
    """Return a JPEG sheet of the misclassified pictures, the surest first, each with truth and prediction."""
    cells = [_draw_cell(mistake) for mistake in mistakes[:_SHOWN]] or [
        _draw_text(
            np.full((_CELL_HEIGHT_PX, _CELL_WIDTH_PX, 3), _BACKGROUND, np.uint8), ["none misclassified"]
        )
    ]
    height, width = cells[0].shape[0] + _GAP_PX, cells[0].shape[1] + _GAP_PX
    sheet = np.full(
        (-(-len(cells) // _COLUMNS) * height, min(_COLUMNS, len(cells)) * width, 3), 255, np.uint8
    )
    for at, cell in enumerate(cells):
        top, left = at // _COLUMNS * height, at % _COLUMNS * width
        sheet[top : top + cell.shape[0], left : left + cell.shape[1]] = cell
    _, content = cv2.imencode(".jpg", sheet)
    return content.tobytes()


def _draw_cell(mistake: Mistake) -> NDArray[np.uint8]:
    pixels = mistake.sample.read()
    scale = min(_CELL_WIDTH_PX / pixels.shape[1], _CELL_HEIGHT_PX / pixels.shape[0])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    cell = np.full((_CELL_HEIGHT_PX, _CELL_WIDTH_PX, 3), _BACKGROUND, np.uint8)
    top, left = (_CELL_HEIGHT_PX - small.shape[0]) // 2, (_CELL_WIDTH_PX - small.shape[1]) // 2
    cell[top : top + small.shape[0], left : left + small.shape[1]] = small
    path = mistake.sample.path
    lines = [
        f"{mistake.stage}: {mistake.predicted} {mistake.probability:.0%}",
        f"truth: {mistake.truth}",
        f"{path.parent.name}/{path.name}",
    ]
    return _draw_text(cell, lines)


def _draw_text(cell: NDArray[np.uint8], lines: Sequence[str]) -> NDArray[np.uint8]:
    return draw_overlay(cell, None, [line.encode("ascii", "replace").decode() for line in lines])
