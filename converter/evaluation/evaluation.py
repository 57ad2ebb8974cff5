"""Judge a data set with a bundle or a graph and gather the figures of every question."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.evaluation.map_quality import MapFigures, map_figures
from converter.evaluation.questions import Figures, Question, figures
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converter.evaluation.judge import JudgedSample


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one evaluation found; JSON of ``--json``.

    Attributes:
        model: the bundle's folder or the graph's file.
        data: where the pictures were.
        mean_ms: mean time of one decision on this machine, preprocessing included.
        p95_ms: time that 95 of 100 decisions took at most.
    """

    model: str
    data: str
    pictures: int
    mean_ms: float
    p95_ms: float
    figures: tuple[Figures, ...]
    maps: tuple[MapFigures, ...] = ()


def evaluation(
    model: str, data: str, answers: Sequence[JudgedSample], asked: Sequence[Question]
) -> Evaluation:
    """Return the figures of those questions that apply to any picture.

    Raises:
        DatasetError: none does.
    """
    found = [figures(question, answers) for question in asked]
    times_ms = np.array([answer.elapsed_ms for answer in answers])
    if not any(found):
        raise DatasetError(f"{data}: no label says anything that {model} tells; nothing to compare with")
    return Evaluation(
        model=model,
        data=data,
        pictures=len(answers),
        mean_ms=float(times_ms.mean()),
        p95_ms=float(np.quantile(times_ms, 0.95)),
        figures=tuple(one for one in found if one is not None),
        maps=map_figures(answers),
    )


def percent(share: float) -> str:
    """Return a share as a percentage, or a dash where there is none."""
    return "-" if math.isnan(share) else f"{100 * share:.2f} %"
