"""Walk a cascade for many pictures at once, as the node walks it for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_node.inference.manifest import Meaning
from edge_node.inference.probabilities import softmax
from edge_node.messages.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from edge_node.inference.manifest import Cascade, Stage

NO_ANSWER = -1


def answer(stage: Stage, logits: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the index of the label that a stage says for each picture, ``NO_ANSWER`` where it abstains."""
    probabilities = softmax(logits, stage.temperature)
    said = probabilities.argmax(axis=1)
    if len(stage.labels) == 2:
        said = np.where(probabilities[:, 0] >= stage.decision_threshold, 0, 1)
    sure = probabilities[np.arange(len(said)), said] >= stage.abstain_below
    return np.where(sure, said, NO_ANSWER).astype(np.intp)


def walk(
    cascade: Cascade,
    logits: Mapping[str, NDArray[np.float64]],
    fit: Callable[[Stage, NDArray[np.bool_]], Stage] = lambda stage, _reached: stage,
) -> list[Outcome]:
    """Return the outcome for each picture, as ``edge_node.inference.cascade.decide`` gives it.

    Args:
        cascade: its stages choose one label each.
        logits: per stage, ``(pictures, labels)``.
        fit: called for each stage before it answers, with the pictures it is asked for, ``(pictures,)``;
            returns the stage with the thresholds by which it answers.
    """
    pictures = len(next(iter(logits.values())))
    reached = {stage.name: np.zeros(pictures, bool) for stage in cascade.stages}
    reached[cascade.root][:] = True
    corroded, metal = np.full(pictures, NO_ANSWER), np.full(pictures, NO_ANSWER)
    for plain in _order(cascade):
        asked = reached[plain.name]
        stage = fit(plain, asked)
        said = np.where(asked, answer(stage, logits[stage.name]), NO_ANSWER)
        if stage.otherwise:
            reached[stage.otherwise] |= asked & (said == NO_ANSWER)
        for at, label in enumerate(stage.labels):
            rows, meaning = said == at, stage.meanings.get(label, Meaning())
            if meaning.corroded is not None:
                corroded[rows] = meaning.corroded
            if meaning.metal is not None:
                metal[rows] = meaning.metal
            if to := stage.routes.get(label):
                reached[to] |= rows & (metal != 0)
    return [_outcome(int(one), int(is_metal)) for one, is_metal in zip(corroded, metal, strict=True)]


def _order(cascade: Cascade) -> list[Stage]:
    """Return the stages so that each comes after those that lead to it."""
    found: dict[str, Stage] = {}

    def visit(name: str) -> None:
        if name in found:
            return
        stage = cascade.stage(name)
        for to in (*stage.routes.values(), *([stage.otherwise] if stage.otherwise else [])):
            visit(to)
        found[name] = stage

    visit(cascade.root)
    return list(reversed(found.values()))


def _outcome(corroded: int, metal: int) -> Outcome:
    if metal == 0:
        return Outcome.NOT_INSPECTABLE
    if corroded == NO_ANSWER:
        return Outcome.UNCERTAIN
    return Outcome.CORRODED if corroded else Outcome.UNCORRODED
