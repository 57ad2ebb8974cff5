"""Define the questions of an evaluation, and read truth, prediction and confidence for each of them.

A question is, for example, "any metal corroded?" or "material". Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from converter.data.dataset import CORRODED, FOLDER_COLUMN, METAL, OTHER, UNCORRODED
from converter.graphs.label_meanings import normalise_material
from edge_node.messages.verdict import Decision, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from converter.data.dataset import Sample
    from edge_node.inference.manifest import Cascade, Meaning

    Truth = Callable[[Sample], str | None]

_MATERIALS = ("steel", "aluminium")  # of the thesis; a cascade may name more


@dataclass(frozen=True, slots=True)
class Question:
    """One quantity that is evaluated.

    Attributes:
        name: in words, as in the report.
        truth: returns a sample's right answer, or None where the question does not apply or is unknown.
        predicted: returns the answer of a decision, or None where it abstains.
        confidence: returns the confidence in that answer.
        positive: the class that precision and recall are about, if there is one.
        part_of: repeats another question on some of its pictures, or combines two; its mistakes are not
            listed again.
    """

    name: str
    truth: Truth
    predicted: Callable[[Decision], str | None]
    confidence: Callable[[Decision], float | None]
    positive: str | None = None
    part_of: bool = False


def choose_questions(sets: Iterable[str], cascade: Cascade | None = None) -> tuple[Question, ...]:
    """Return the thesis' questions over all pictures, and the condition for each set by itself.

    Args:
        sets: names of the sets; an empty name is ignored.
        cascade: questions that none of its labels answers are left out; None keeps all.
    """
    found, materials = [], _materials(cascade)
    if cascade is None or any(meaning.metal is False for meaning in _meanings(cascade)):
        is_metal = _read_column("metal", {METAL, OTHER})
        found.append(Question("metal or other", is_metal, _metal, _metal_confidence, OTHER))
    if _answers(cascade, "corroded"):
        whole = _condition_question()
        found.append(whole)
        found += [
            replace(whole, name=f"{material} corroded?", truth=_condition_of(material), part_of=True)
            for material in materials
        ]
    if _answers(cascade, "material"):
        found.append(
            Question("material", _true_material(materials), _material, lambda d: d.material_confidence)
        )
    if _answers(cascade, "severity"):
        found.append(
            Question("severity", _true_severity, lambda d: d.severity, lambda d: d.severity_confidence)
        )
    if forms := _forms(cascade):
        is_form = _read_column("form", forms)
        found.append(Question("form", is_form, lambda d: d.form, lambda d: d.form_confidence))
    if _answers(cascade, "corroded") and _answers(cascade, "material"):
        found.append(Question("material and condition", _true_class, _class, _class_confidence, part_of=True))
    if cascade is not None and len(cascade.stages) == 1 and not cascade.stages[0].meanings:
        is_label = _read_column(FOLDER_COLUMN, set(cascade.stages[0].labels))
        found.append(Question("label", is_label, _label, _label_confidence))
    if _answers(cascade, "corroded"):
        found += _of_each_set(sorted(set(sets)))
    return tuple(found)


def _condition_question() -> Question:
    return Question(
        "any metal corroded?", _true_condition, _condition, lambda d: d.condition_confidence, CORRODED
    )


def _of_each_set(names: Sequence[str]) -> list[Question]:
    """Return the question about the condition for each set; none where there is one set only."""
    return [
        replace(
            _condition_question(),
            name=f"{name}: any metal corroded?",
            truth=_condition_in(name),
            part_of=True,
        )
        for name in names
        if name and len(names) > 1
    ]


def _answers(cascade: Cascade | None, attribute: str) -> bool:
    """Return whether any label of a cascade has this attribute of ``Meaning``."""
    return cascade is None or any(getattr(meaning, attribute) is not None for meaning in _meanings(cascade))


def _materials(cascade: Cascade | None) -> tuple[str, ...]:
    """Return the thesis' materials, followed by any others that labels name."""
    named = set() if cascade is None else {m.material for m in _meanings(cascade) if m.material is not None}
    return (*_MATERIALS, *sorted(named - set(_MATERIALS)))


def _forms(cascade: Cascade | None) -> set[str]:
    """Return the forms of corrosion that labels name."""
    return set() if cascade is None else {m.form for m in _meanings(cascade) if m.form is not None}


def _meanings(cascade: Cascade) -> list[Meaning]:
    return [meaning for stage in cascade.stages for meaning in stage.meanings.values()]


# Truth: from a labelled sample.


def _read_column(column: str, values: set[str]) -> Truth:
    """Return a function that reads one of these values from a column; None for other values."""

    def truth(sample: Sample) -> str | None:
        value = sample.labels.get(column)
        return value if value in values else None

    return truth


def _true_condition(sample: Sample) -> str | None:
    return sample.labels.get("corroded")


def _condition_of(material: str) -> Truth:
    return lambda sample: _true_condition(sample) if _named_material(sample) == material else None


def _condition_in(set_name: str) -> Truth:
    return lambda sample: _true_condition(sample) if sample.set_name == set_name else None


def _named_material(sample: Sample) -> str | None:
    """Return a sample's material by the name that a cascade uses for it."""
    name = sample.labels.get("material")
    return None if name is None else normalise_material(name)


def _true_material(materials: Sequence[str]) -> Truth:
    def truth(sample: Sample) -> str | None:
        name = _named_material(sample)
        return name if name in materials else None

    return truth


def _true_severity(sample: Sample) -> str | None:
    read = _read_column("severity", {"mid", "late"})
    return read(sample) if _named_material(sample) == "steel" else None


def _true_class(sample: Sample) -> str | None:
    """Return one of the thesis' four classes, ``material, condition``."""
    material, condition = _true_material(_MATERIALS)(sample), _true_condition(sample)
    return f"{material}, {condition}" if material and condition else None


# Predictions and their confidence: from a decision.


def _condition(decision: Decision) -> str | None:
    return {Outcome.CORRODED: CORRODED, Outcome.UNCORRODED: UNCORRODED}.get(decision.outcome)


def _material(decision: Decision) -> str | None:
    return decision.material


def _class(decision: Decision) -> str | None:
    condition = _condition(decision)
    return f"{decision.material}, {condition}" if decision.material and condition else None


def _class_confidence(decision: Decision) -> float:
    return (decision.material_confidence or 0.0) * (decision.condition_confidence or 0.0)


def _label(decision: Decision) -> str | None:
    return decision.stages[-1].label if decision.stages else None


def _label_confidence(decision: Decision) -> float | None:
    label = _label(decision)
    return None if label is None else decision.stages[-1].probabilities[label]


def _metal(decision: Decision) -> str:
    """Return ``other`` where a stage found no metal, else ``metal``."""
    return OTHER if any(reason.code == "not_metal" for reason in decision.reasons) else METAL


def _metal_confidence(decision: Decision) -> float | None:
    stages = (stage for stage in decision.stages if OTHER in stage.probabilities)
    return next((stage.probabilities.get(stage.label or "") for stage in stages), None)
