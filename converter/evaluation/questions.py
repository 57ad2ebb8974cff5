"""The questions that an evaluation asks of answers: which truth, which answer, how confident. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from converter.data.dataset import CORRODED, FOLDER_COLUMN, METAL, OTHER, UNCORRODED
from converter.evaluation.metrics import (
    Detection,
    Interval,
    by_group,
    calibration_error,
    crossover,
    detection,
    wilson,
)
from converter.graphs.label_names import material_named
from edge_node.messages.verdict import Decision, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from converter.data.dataset import Sample
    from converter.evaluation.judge import JudgedSample
    from edge_node.inference.manifest import Cascade, Meaning

# The thesis'; a cascade may name more.
_MATERIALS = ("steel", "aluminium")


@dataclass(frozen=True, slots=True)
class Question:
    """One question: to whom it applies and what was said.

    Attributes:
        name: in words.
        truth: a sample's right answer, or None where the question does not apply or is not known.
        said: what a decision says, or None where it abstains.
        confidence: of what was said.
        positive: the class that precision and recall are about, if there is one.
        part_of: it asks again of some pictures, or of two answers together, what other questions ask.
    """

    name: str
    truth: Callable[[Sample], str | None]
    said: Callable[[Decision], str | None]
    confidence: Callable[[Decision], float | None]
    positive: str | None = None
    part_of: bool = False


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong answer about one picture, or none where there is a right one.

    Attributes:
        question: its name.
        truth: the right answer.
        said: the wrong one, or None.
        confidence: of what was said.
    """

    question: str
    truth: str
    said: str | None
    confidence: float | None


class SourceFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One source's share."""

    source: str
    pictures: int
    accuracy: float


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one question; JSON of ``--json``.

    Attributes:
        accuracy: right answers among all pictures: an abstention counts as an error.
        accuracy_wilson: the same with the interval of independent pictures.
        accuracy_decided: right answers among those given.
        abstained: share of pictures without an answer.
        between_materials: share of the errors whose answer names another material; four classes only.
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


def questions(sets: Iterable[str], cascade: Cascade | None = None) -> tuple[Question, ...]:
    """Return the thesis' questions over everything, and corroded or not for each set by itself.

    Args:
        sets: names of the sets; an empty one is none.
        cascade: leaves out what none of its labels tells; None leaves nothing out.
    """
    found, materials = [], _materials(cascade)
    if cascade is None or any(meaning.metal is False for meaning in _meanings(cascade)):
        metal = _known("metal", {METAL, OTHER})
        found.append(Question("metal or other", metal, _said_metal, _sure_metal, OTHER))
    if _tells(cascade, "corroded"):
        whole = Question("any metal corroded?", _condition(None), _said_condition, _sure_condition, CORRODED)
        found.append(whole)
        found += [_part(whole, f"{material} corroded?", _condition(material)) for material in materials]
    if _tells(cascade, "material"):
        found.append(Question("material", _known_material(materials), _said_material, _sure_material))
    if _tells(cascade, "severity"):
        found.append(Question("severity", _severity, lambda decision: decision.severity, _sure_severity))
    if forms := _forms(cascade):
        found.append(Question("form", _known("form", forms), lambda decision: decision.form, _sure_form))
    if _tells(cascade, "corroded") and _tells(cascade, "material"):
        both = Question("material and condition", _four_classes, _said_four_classes, _product, part_of=True)
        found.append(both)
    if cascade is not None and len(cascade.stages) == 1 and not cascade.stages[0].meanings:
        labels = set(cascade.stages[0].labels)
        found.append(Question("label", _known(FOLDER_COLUMN, labels), _said_label, _sure_label))
    if _tells(cascade, "corroded"):
        names = sorted(set(sets))
        found += [
            _part(whole, f"{name}: any metal corroded?", _condition_in(name))
            for name in names
            if name and len(names) > 1  # what one set says of everything stands above
        ]
    return tuple(found)


def figures(question: Question, answers: Sequence[JudgedSample]) -> Figures | None:
    """Return a question's figures, or None where it applies to no picture."""
    asked = [answer for answer in answers if question.truth(answer.sample) is not None]
    if not asked or {question.truth(answer.sample) for answer in asked} == {METAL}:
        return None  # nothing to confuse metal with
    truth = [question.truth(answer.sample) or "" for answer in asked]
    said = [question.said(answer.decision) for answer in asked]
    right = np.array([a == b for a, b in zip(truth, said, strict=True)])
    decided = np.array([answer is not None for answer in said])
    sure = np.array([question.confidence(answer.decision) or 0.0 for answer in asked])
    groups = [answer.sample.group or str(answer.sample.path) for answer in asked]
    sources = np.array([answer.sample.source for answer in asked])
    return Figures(
        question=question.name,
        pictures=len(asked),
        groups=len(set(groups)),
        accuracy=by_group(right, groups),
        accuracy_wilson=wilson(int(right.sum()), len(right)),
        accuracy_decided=float(right[decided].mean()) if decided.any() else float("nan"),
        abstained=float(1 - decided.mean()),
        calibration_error=calibration_error(sure[decided], right[decided]),
        detection=None if question.positive is None else detection(truth, said, question.positive),
        crossover=crossover(truth, said),
        between_materials=_between_materials(truth, said),
        sources=tuple(
            SourceFigures(
                source=str(source),
                pictures=int((sources == source).sum()),
                accuracy=float(right[sources == source].mean()),
            )
            for source in sorted(set(sources.tolist()) - {""})
        ),
    )


def mistakes(asked: Iterable[Question], answer: JudgedSample) -> tuple[Mistake, ...]:
    """Return what was said wrongly of a picture, or not said although it is known."""
    found = []
    for question in asked:
        truth, said = question.truth(answer.sample), question.said(answer.decision)
        if not question.part_of and truth is not None and truth != said:
            found.append(Mistake(question.name, truth, said, question.confidence(answer.decision)))
    return tuple(found)


def _part(whole: Question, name: str, truth: Callable[[Sample], str | None]) -> Question:
    return replace(whole, name=name, truth=truth, part_of=True)


def _tells(cascade: Cascade | None, what: str) -> bool:
    """Return whether any label says something of ``what``, an attribute of ``Meaning``."""
    return cascade is None or any(getattr(meaning, what) is not None for meaning in _meanings(cascade))


def _materials(cascade: Cascade | None) -> tuple[str, ...]:
    """Return the thesis' materials, and behind them what else labels name."""
    named = set() if cascade is None else {m.material for m in _meanings(cascade) if m.material is not None}
    return (*_MATERIALS, *sorted(named - set(_MATERIALS)))


def _forms(cascade: Cascade | None) -> set[str]:
    """Return the forms of corrosion that labels name."""
    return set() if cascade is None else {m.form for m in _meanings(cascade) if m.form is not None}


def _meanings(cascade: Cascade) -> list[Meaning]:
    return [meaning for stage in cascade.stages for meaning in stage.meanings.values()]


def _condition(material: str | None) -> Callable[[Sample], str | None]:
    def truth(sample: Sample) -> str | None:
        applies = material is None or _material(sample) == material
        return sample.labels.get("corroded") if applies else None

    return truth


def _condition_in(set_name: str) -> Callable[[Sample], str | None]:
    return lambda sample: sample.labels.get("corroded") if sample.set_name == set_name else None


def _known(column: str, values: set[str]) -> Callable[[Sample], str | None]:
    def truth(sample: Sample) -> str | None:
        value = sample.labels.get(column)
        return value if value in values else None

    return truth


def _material(sample: Sample) -> str | None:
    """Return a sample's material by the name that a cascade has for it."""
    name = sample.labels.get("material")
    return None if name is None else material_named(name)


def _known_material(materials: Sequence[str]) -> Callable[[Sample], str | None]:
    def truth(sample: Sample) -> str | None:
        name = _material(sample)
        return name if name in materials else None

    return truth


def _severity(sample: Sample) -> str | None:
    return _known("severity", {"mid", "late"})(sample) if _material(sample) == "steel" else None


def _four_classes(sample: Sample) -> str | None:
    material = _known_material(_MATERIALS)(sample)
    condition = sample.labels.get("corroded")
    return f"{material}, {condition}" if material and condition else None


def _said_condition(decision: Decision) -> str | None:
    return {Outcome.CORRODED: CORRODED, Outcome.UNCORRODED: UNCORRODED}.get(decision.outcome)


def _said_material(decision: Decision) -> str | None:
    return decision.material


def _said_four_classes(decision: Decision) -> str | None:
    condition = _said_condition(decision)
    return f"{decision.material}, {condition}" if decision.material and condition else None


def _sure_condition(decision: Decision) -> float | None:
    return decision.condition_confidence


def _sure_material(decision: Decision) -> float | None:
    return decision.material_confidence


def _said_label(decision: Decision) -> str | None:
    return decision.stages[-1].label if decision.stages else None


def _sure_label(decision: Decision) -> float | None:
    label = _said_label(decision)
    return None if label is None else decision.stages[-1].probabilities[label]


def _sure_form(decision: Decision) -> float | None:
    return decision.form_confidence


def _sure_severity(decision: Decision) -> float | None:
    return decision.severity_confidence


def _said_metal(decision: Decision) -> str:
    """Return what a decision takes the picture for: metal, where no stage says otherwise."""
    return OTHER if any(reason.code == "not_metal" for reason in decision.reasons) else METAL


def _sure_metal(decision: Decision) -> float | None:
    asked = (stage for stage in decision.stages if OTHER in stage.probabilities)
    return next((stage.probabilities.get(stage.label or "") for stage in asked), None)


def _product(decision: Decision) -> float:
    return (decision.material_confidence or 0.0) * (decision.condition_confidence or 0.0)


def _between_materials(truth: Sequence[str], said: Sequence[str | None]) -> float | None:
    """Return the share of errors that name another material, for labels ``material, condition``."""
    errors = [(a, b) for a, b in zip(truth, said, strict=True) if b is not None and a != b]
    if not errors or not all(", " in a for a, _ in errors):
        return None
    return sum(a.split(", ")[0] != b.split(", ")[0] for a, b in errors) / len(errors)
