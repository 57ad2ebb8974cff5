"""Walk a cascade of stages from their probabilities to a decision or an abstention.

Pure: the caller passes a function that returns a stage's probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_node.inference.manifest import Cascade, Meaning, OutputKind, Stage
from edge_node.inference.probabilities import mean_logits, mean_over_positions, softmax
from edge_node.messages.verdict import Decision, Outcome, Reason, StageVerdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """What the operator knows beforehand, so that no stage is asked for it.

    Attributes:
        material: the metal, as a stage's ``meanings`` call it; the stages that tell only materials are
            skipped.
    """

    material: str | None = None


def calibrate_probabilities(
    output: NDArray[np.float32], kind: OutputKind, temperature: float
) -> NDArray[np.float64]:
    """Return a stage's probabilities, ``(labels,)``, from its real-valued output.

    Args:
        output: ``(1, labels)``, or ``(1, rows, columns, labels)`` for a map, whose mean the logits are.
        kind: whether ``output`` holds logits or probabilities.
        temperature: divides the logits; 1 leaves them as they are.
    """
    if kind is OutputKind.PROBABILITIES and temperature == 1.0:
        shares = mean_over_positions(output)
        return np.asarray(shares / max(float(shares.sum()), 1e-12))
    return softmax(mean_logits(output, kind), temperature)


def decide(
    cascade: Cascade, ask: Callable[[Stage], NDArray[np.float64]], told: OperatorSettings | None = None
) -> Decision:
    """Walk the cascade from its root and return what it says.

    Args:
        cascade: the stages, free of circles.
        ask: returns a stage's calibrated probabilities, ``(labels,)``; called for stages on the path only.
        told: what need not be asked.
    """
    path: list[StageVerdict] = []
    known = _CascadeState()
    if told and told.material:
        known.material = (told.material, 1.0)
    name: str | None = cascade.root
    while name is not None:
        stage = cascade.stage(name)
        if label := _told_label(stage, told):
            name = stage.routes.get(label)
            continue
        probabilities = ask(stage)
        choice = _choose(stage, probabilities)
        path.append(_stage_verdict(stage, probabilities, choice))
        if choice is None:
            known.abstained.append(stage.name)
            name = stage.otherwise
            continue
        known.learn(stage.meanings.get(stage.labels[choice]), _rounded(probabilities[choice]))
        name = None if known.metal is False else stage.routes.get(stage.labels[choice])
    return known.decision(tuple(path))


def first_stage(cascade: Cascade, told: OperatorSettings | None = None) -> Stage:
    """Return the stage that is asked first."""
    stage = cascade.stage(cascade.root)
    while (label := _told_label(stage, told)) and (name := stage.routes.get(label)):
        stage = cascade.stage(name)
    return stage


def unreadable(text: str) -> Decision:
    """Return the decision about a picture that could not be read."""
    return Decision(outcome=Outcome.NOT_INSPECTABLE, reasons=(Reason(code="unreadable", text=text),))


class _CascadeState:
    """What the stages so far have said; each entry is a value and its confidence."""

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


def chosen_label(stage: Stage, probabilities: NDArray[np.float64]) -> int:
    """Return the index of the label that a stage takes where it does not abstain.

    Of two labels the first from its ``decision_threshold`` on, of more the most probable one.
    """
    if len(stage.labels) == 2:
        return 0 if probabilities[0] >= stage.decision_threshold else 1
    return int(np.argmax(probabilities))


def _told_label(stage: Stage, told: OperatorSettings | None) -> str | None:
    """Return the label that the operator has answered for ``stage``, if all it tells is the material."""
    if told is None or told.material is None:
        return None
    meanings = [stage.meanings.get(label) for label in stage.labels]
    if any(meaning is None or meaning != Meaning(material=meaning.material) for meaning in meanings):
        return None
    return next((label for label in stage.labels if stage.meanings[label].material == told.material), None)


def _choose(stage: Stage, probabilities: NDArray[np.float64]) -> int | None:
    """Return the index of the chosen label, or None to abstain."""
    choice = chosen_label(stage, probabilities)
    return choice if probabilities[choice] >= stage.abstain_below else None


def _stage_verdict(stage: Stage, probabilities: NDArray[np.float64], choice: int | None) -> StageVerdict:
    return StageVerdict(
        name=stage.name,
        label=None if choice is None else stage.labels[choice],
        # Six digits: more than a quantized model can tell, and a third of the bytes.
        probabilities={
            label: round(float(p), 6) for label, p in zip(stage.labels, probabilities, strict=True)
        },
        decision_threshold=stage.decision_threshold,
        abstain_below=stage.abstain_below,
    )


def _rounded(probability: float) -> float:
    """Six digits: more than a quantized model can tell, and a third of the bytes."""
    return round(float(probability), 6)
