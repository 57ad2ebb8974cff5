"""Walk a cascade of stages from their probabilities to a decision or an abstention.

Pure: the caller passes a function that returns a stage's probabilities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_node.inference.manifest import Cascade, Meaning, OutputKind, Stage
from edge_node.inference.probabilities import mean_logits, mean_over_positions, sigmoid, softmax
from edge_node.messages.verdict import Decision, Outcome, Reason, StageVerdict
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


class OperatorSettings(PlainStruct, frozen=True):
    """Labels that the operator sets, so that no stage has to predict them.

    Attributes:
        material: the metal, as the stages' ``meanings`` name it; stages that only predict the material are
            skipped.
    """

    material: str | None = None


def calibrate_probabilities(
    output: NDArray[np.float32], kind: OutputKind, temperature: float, *, independent: bool = False
) -> NDArray[np.float64]:
    """Return a stage's probabilities, ``(labels,)``, from its real-valued output.

    Args:
        output: ``(1, labels)``, or ``(1, rows, columns, labels)`` for a map, whose mean the logits are.
        kind: whether ``output`` holds logits or probabilities.
        temperature: divides the logits; 1 leaves them as they are.
        independent: whether each label has a probability of its own.
    """
    if independent:
        return sigmoid(mean_logits(output, kind), temperature)
    if kind is OutputKind.PROBABILITIES and temperature == 1.0:
        shares = mean_over_positions(output)
        return np.asarray(shares / max(float(shares.sum()), 1e-12))
    return softmax(mean_logits(output, kind), temperature)


def decide(
    cascade: Cascade,
    predict: Callable[[Stage], NDArray[np.float64]],
    settings: OperatorSettings | None = None,
) -> Decision:
    """Walk the cascade from its root and return the decision.

    Args:
        cascade: the stages, without cycles.
        predict: returns a stage's calibrated probabilities, ``(labels,)``; called on the path only.
        settings: labels that the operator has set.
    """
    path: list[StageVerdict] = []
    known = _CascadeState()
    if settings and settings.material:
        known.material = (settings.material, 1.0)
    name: str | None = cascade.root
    while name is not None:
        stage = cascade.stage(name)
        if label := _preset_label(stage, settings):
            name = stage.routes.get(label)
            continue
        probabilities = predict(stage)
        choice = _choose_or_abstain(stage, probabilities)
        path.append(_stage_verdict(stage, probabilities, choice))
        if choice is None:
            known.abstained.append(stage.name)
            name = stage.otherwise
            continue
        for at in _list_holding(stage, probabilities, choice):
            known.learn(stage.meanings.get(stage.labels[at]), _round(probabilities[at]))
        name = None if known.metal is False else stage.routes.get(stage.labels[choice])
    return known.decision(tuple(path))


def first_stage(cascade: Cascade, settings: OperatorSettings | None = None) -> Stage:
    """Return the first stage that has to predict."""
    stage = cascade.stage(cascade.root)
    while (label := _preset_label(stage, settings)) and (name := stage.routes.get(label)):
        stage = cascade.stage(name)
    return stage


def decide_unreadable(text: str) -> Decision:
    """Return the decision on a picture that could not be read."""
    return Decision(outcome=Outcome.NOT_INSPECTABLE, reasons=(Reason(code="unreadable", text=text),))


class _CascadeState:
    """The labels that the stages so far have predicted; each entry is a value and its confidence."""

    def __init__(self) -> None:
        self.material: tuple[str, float] | None = None
        self.corroded: tuple[bool, float] | None = None
        self.severity: tuple[str, float] | None = None
        self.form: tuple[str, float] | None = None
        self.metal: bool | None = None
        self.abstained: list[str] = []

    def learn(self, meaning: Meaning | None, confidence: float) -> None:
        if meaning is None:
            return
        if meaning.material is not None:
            self.material = (meaning.material, confidence)
        if meaning.corroded is not None:
            self.corroded = (meaning.corroded, confidence)
        if meaning.severity is not None:
            self.severity = (meaning.severity, confidence)
        if meaning.form is not None:
            self.form = (meaning.form, confidence)
        if meaning.metal is not None:
            self.metal = meaning.metal

    def decision(self, path: tuple[StageVerdict, ...]) -> Decision:
        material, form, severity = self.material, self.form, self.severity
        return Decision(
            outcome=self._outcome(),
            material=material[0] if material else None,
            material_confidence=material[1] if material else None,
            condition_confidence=self.corroded[1] if self.corroded else None,
            form=form[0] if form else None,
            form_confidence=form[1] if form else None,
            severity=severity[0] if severity else None,
            severity_confidence=severity[1] if severity else None,
            stages=path,
            reasons=tuple(self._reasons()),
        )

    def _outcome(self) -> Outcome:
        if self.metal is False:
            return Outcome.NOT_INSPECTABLE
        if self.corroded is None:
            return Outcome.UNCERTAIN
        return Outcome.CORRODED if self.corroded[0] else Outcome.UNCORRODED

    def _reasons(self) -> list[Reason]:
        reasons = [
            Reason(code="low_confidence", text=f"stage {name} is not sure enough to choose a label")
            for name in self.abstained
        ]
        if self.metal is False:
            reasons.append(Reason(code="not_metal", text="the picture shows no metal surface"))
        elif self.corroded is None and not reasons:
            reasons.append(
                Reason(code="condition_unknown", text="no stage on the path tells corroded from uncorroded")
            )
        return reasons


def choose_label(stage: Stage, probabilities: NDArray[np.float64]) -> int:
    """Return the index of a stage's label, without abstention.

    Of two labels it is the first from ``decision_threshold`` on; of more, the most probable one. Of
    independent labels it is the most probable one that holds, if one does.
    """
    if stage.is_independent:
        holds = _holding(stage, probabilities)
        return int(np.argmax(np.where(holds, probabilities, -1.0) if holds.any() else probabilities))
    if len(stage.labels) == 2:
        return 0 if probabilities[0] >= stage.decision_threshold else 1
    return int(np.argmax(probabilities))


def _preset_label(stage: Stage, settings: OperatorSettings | None) -> str | None:
    """Return the operator's label for ``stage``, if the material is all that this stage predicts."""
    if settings is None or settings.material is None:
        return None
    meanings = [stage.meanings.get(label) for label in stage.labels]
    if any(meaning is None or meaning != Meaning(material=meaning.material) for meaning in meanings):
        return None
    return next(
        (label for label in stage.labels if stage.meanings[label].material == settings.material), None
    )


def _choose_or_abstain(stage: Stage, probabilities: NDArray[np.float64]) -> int | None:
    """Return the index of the chosen label, or None to abstain."""
    choice = choose_label(stage, probabilities)
    if stage.is_independent and not _holding(stage, probabilities)[choice]:
        return None
    return choice if probabilities[choice] >= stage.abstain_below else None


def _holding(stage: Stage, probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which independent labels reach their thresholds, ``(labels,)``."""
    return np.asarray(probabilities >= [stage.threshold(label) for label in stage.labels])


def _list_holding(stage: Stage, probabilities: NDArray[np.float64], choice: int) -> list[int]:
    """Return the labels that say something of the surface; of independent ones those that mean corroded last.

    So what a later label says replaces what an earlier one said, and no clean label hides a corroded one.
    """
    if not stage.is_independent:
        return [choice]
    holding = np.flatnonzero(_holding(stage, probabilities)).tolist()
    meanings = [stage.meanings.get(label, Meaning()) for label in stage.labels]
    return sorted(holding, key=lambda at: (meanings[at].corroded is True, probabilities[at]))


def _stage_verdict(stage: Stage, probabilities: NDArray[np.float64], choice: int | None) -> StageVerdict:
    return StageVerdict(
        name=stage.name,
        label=None if choice is None else stage.labels[choice],
        # Six digits: more than a quantized model resolves, and a third of the bytes.
        probabilities={
            label: round(float(p), 6) for label, p in zip(stage.labels, probabilities, strict=True)
        },
        decision_threshold=stage.decision_threshold,
        abstain_below=stage.abstain_below,
    )


def _round(probability: float) -> float:
    """Round to six digits: more than a quantized model resolves, and a third of the bytes."""
    return round(float(probability), 6)
