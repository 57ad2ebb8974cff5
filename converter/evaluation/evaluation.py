"""Compute the figures of an evaluation for every question, and list the mistakes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.data.dataset import METAL
from converter.evaluation.map_quality import MapFigures, measure_maps
from converter.evaluation.metrics import (
    Detection,
    Interval,
    bootstrap_by_group,
    calibration_error,
    measure_detection,
    tabulate_confusions,
    wilson_interval,
)
from converter.evaluation.ship_verdict import ShipVerdict
from converter.evaluation.stress import StressFigures
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from converter.evaluation.judge import JudgedSample
    from converter.evaluation.questions import Question


class SourceFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The accuracy on the pictures of one source."""

    source: str
    pictures: int
    accuracy: float


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one question; JSON of ``--json``.

    Attributes:
        accuracy: right answers among all pictures, an abstention counting as wrong; interval by group.
        accuracy_wilson: the same with the interval of independent pictures.
        accuracy_decided: right answers among the pictures with an answer.
        abstained: share of pictures without an answer.
        between_materials: share of the errors that name another material; four classes only.
    """

    question: str
    pictures: int
    groups: int
    accuracy: Interval
    accuracy_wilson: Interval
    accuracy_decided: float
    abstained: float
    calibration_error: float
    detection: Detection | None
    crossover: dict[str, dict[str, int]]
    between_materials: float | None
    sources: tuple[SourceFigures, ...]


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one evaluation; JSON of ``--json``.

    Attributes:
        model: the bundle's folder or the graph's file.
        data: where the pictures were.
        mean_ms: mean time of a decision on this machine, preprocessing included.
        p95_ms: 95th percentile of that time.
        verdict: whether it may be shipped, by its conversion and these figures.
        stress: the answers to worse pictures; None where nobody asked for them.
    """

    model: str
    data: str
    pictures: int
    mean_ms: float
    p95_ms: float
    figures: tuple[Figures, ...]
    maps: tuple[MapFigures, ...] = ()
    verdict: ShipVerdict = ShipVerdict(ship=False)
    stress: StressFigures | None = None


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong answer to one question about one picture.

    Attributes:
        question: its name.
        truth: the right answer.
        predicted: the wrong one; None for an abstention.
        confidence: in ``predicted``.
    """

    question: str
    truth: str
    predicted: str | None
    confidence: float | None


def evaluate(model: str, data: str, judged: Sequence[JudgedSample], asked: Sequence[Question]) -> Evaluation:
    """Compute the figures of those questions that apply to any picture.

    Args:
        model: its name in the report.
        data: where the pictures were.
        judged: the pictures with the decisions about them.
        asked: the questions.

    Raises:
        DatasetError: no question applies.
    """
    found = [measure(question, judged) for question in asked]
    times_ms = np.array([one.elapsed_ms for one in judged])
    if not any(found):
        raise DatasetError(f"{data}: no label says anything that {model} tells; nothing to compare with")
    return Evaluation(
        model=model,
        data=data,
        pictures=len(judged),
        mean_ms=float(times_ms.mean()),
        p95_ms=float(np.quantile(times_ms, 0.95)),
        figures=tuple(one for one in found if one is not None),
        maps=measure_maps(judged),
    )


def measure(question: Question, judged: Sequence[JudgedSample]) -> Figures | None:
    """Compute a question's figures; None where it applies to no picture."""
    known = [one for one in judged if question.truth(one.sample) is not None]
    truth = [question.truth(one.sample) or "" for one in known]
    if set(truth) <= {METAL}:
        return None  # no picture, or none that could be confused with metal
    predicted = [question.predicted(one.decision) for one in known]
    right = np.array([a == b for a, b in zip(truth, predicted, strict=True)])
    decided = np.array([answer is not None for answer in predicted])
    confidence = np.array([question.confidence(one.decision) or 0.0 for one in known])
    groups = [one.sample.specimen for one in known]
    return Figures(
        question=question.name,
        pictures=len(known),
        groups=len(set(groups)),
        accuracy=bootstrap_by_group(right, groups),
        accuracy_wilson=wilson_interval(int(right.sum()), len(right)),
        accuracy_decided=float(right[decided].mean()) if decided.any() else float("nan"),
        abstained=float(1 - decided.mean()),
        calibration_error=calibration_error(confidence[decided], right[decided]),
        detection=measure_detection(truth, predicted, question.positive) if question.positive else None,
        crossover=tabulate_confusions(truth, predicted),
        between_materials=_between_materials(truth, predicted),
        sources=_by_source(right, np.array([one.sample.source for one in known])),
    )


def find_mistakes(asked: Iterable[Question], judged: JudgedSample) -> tuple[Mistake, ...]:
    """Return the wrong answers about a picture, and the abstentions where the truth is known."""
    found = []
    for question in asked:
        truth, predicted = question.truth(judged.sample), question.predicted(judged.decision)
        if not question.part_of and truth is not None and truth != predicted:
            found.append(Mistake(question.name, truth, predicted, question.confidence(judged.decision)))
    return tuple(found)


def _by_source(right: NDArray[np.bool_], sources: NDArray[np.str_]) -> tuple[SourceFigures, ...]:
    """Return the accuracy on each named source, in the order of their names."""
    return tuple(
        SourceFigures(
            source=source,
            pictures=int((sources == source).sum()),
            accuracy=float(right[sources == source].mean()),
        )
        for source in sorted(set(sources.tolist()) - {""})
    )


def _between_materials(truth: Sequence[str], predicted: Sequence[str | None]) -> float | None:
    """Return the share of errors that name another material, for labels ``material, condition``."""
    errors = [(a, b) for a, b in zip(truth, predicted, strict=True) if b is not None and a != b]
    if not errors or not all(", " in a for a, _ in errors):
        return None
    return sum(a.split(", ")[0] != b.split(", ")[0] for a, b in errors) / len(errors)
