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

_MISTAKES_NAMED = 20
_CURVE_POINTS = 40


class SourceFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The accuracy on the pictures of one source, or of one licence.

    Attributes:
        accuracy: right answers among all pictures.
        accuracy_decided: right answers among the pictures with an answer; NaN without any.
        abstained: share of pictures without an answer.
    """

    source: str
    pictures: int
    accuracy: float
    accuracy_decided: float = float("nan")
    abstained: float = 0.0


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one question; JSON of ``--json``.

    Attributes:
        accuracy: right answers among all pictures, an abstention counting as wrong; interval by group.
        accuracy_wilson: the same with the interval of independent pictures.
        accuracy_decided: right answers among the pictures with an answer.
        abstained: share of pictures without an answer.
        between_materials: share of the errors that name another material; four classes only.
        risk_coverage: share of pictures with an answer, and share of wrong answers among them, if only the
            surest are answered; the last point is all that were.
        licences: the same as ``sources`` for each licence.
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
    risk_coverage: tuple[tuple[float, float], ...] = ()
    licences: tuple[SourceFigures, ...] = ()


class NamedMistake(msgspec.Struct, frozen=True, kw_only=True):
    """A wrong answer, with the picture's name and source; JSON of ``--json``."""

    file: str
    source: str
    question: str
    truth: str
    predicted: str
    confidence: float


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one evaluation; JSON of ``--json``.

    Attributes:
        model: the bundle's folder or the graph's file.
        data: where the pictures were.
        mean_ms: mean time of a decision on this machine, preprocessing included.
        p95_ms: 95th percentile of that time.
        verdict: whether it may be shipped, by its conversion and these figures.
        stress: the answers to worse pictures; None where nobody asked for them.
        mistakes: the surest wrong answers, the surest first.
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
    mistakes: tuple[NamedMistake, ...] = ()


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
        mistakes=_name_mistakes(asked, judged),
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
        sources=_by_name(right, decided, [one.sample.source for one in known]),
        licences=_by_name(right, decided, [one.sample.licence for one in known]),
        risk_coverage=_trace_risk(confidence[decided], right[decided], len(known)),
    )


def find_mistakes(asked: Iterable[Question], judged: JudgedSample) -> tuple[Mistake, ...]:
    """Return the wrong answers about a picture, and the abstentions where the truth is known."""
    found = []
    for question in asked:
        truth, predicted = question.truth(judged.sample), question.predicted(judged.decision)
        if not question.part_of and truth is not None and truth != predicted:
            found.append(Mistake(question.name, truth, predicted, question.confidence(judged.decision)))
    return tuple(found)


def _name_mistakes(asked: Sequence[Question], judged: Sequence[JudgedSample]) -> tuple[NamedMistake, ...]:
    """Return the surest wrong answers; abstentions are none."""
    found = [
        NamedMistake(
            file=one.sample.path.name,
            source=one.sample.source,
            question=mistake.question,
            truth=mistake.truth,
            predicted=mistake.predicted,
            confidence=mistake.confidence or 0.0,
        )
        for one in judged
        for mistake in find_mistakes(asked, one)
        if mistake.predicted is not None
    ]
    return tuple(sorted(found, key=lambda one: (-one.confidence, one.file, one.question))[:_MISTAKES_NAMED])


def _trace_risk(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], pictures: int
) -> tuple[tuple[float, float], ...]:
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(~right[order])
    counts = np.unique(np.linspace(1, len(order), min(len(order), _CURVE_POINTS)).astype(int))
    return tuple((float(count / pictures), float(wrong[count - 1] / count)) for count in counts if len(order))


def _by_name(
    right: NDArray[np.bool_], decided: NDArray[np.bool_], names: Sequence[str]
) -> tuple[SourceFigures, ...]:
    """Return the accuracy on the pictures of each name that is not empty, in the order of the names."""
    of = np.array(names)
    return tuple(
        SourceFigures(
            source=name,
            pictures=int((of == name).sum()),
            accuracy=float(right[of == name].mean()),
            accuracy_decided=float(right[chosen].mean())
            if (chosen := (of == name) & decided).any()
            else np.nan,
            abstained=float(1 - decided[of == name].mean()),
        )
        for name in sorted(set(names) - {""})
    )


def _between_materials(truth: Sequence[str], predicted: Sequence[str | None]) -> float | None:
    """Return the share of errors that name another material, for labels ``material, condition``."""
    errors = [(a, b) for a, b in zip(truth, predicted, strict=True) if b is not None and a != b]
    if not errors or not all(", " in a for a, _ in errors):
        return None
    return sum(a.split(", ")[0] != b.split(", ")[0] for a, b in errors) / len(errors)
