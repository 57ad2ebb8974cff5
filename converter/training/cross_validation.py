"""How good a recipe is on specimens and sources that training never saw, by training without them.

Each picture is judged by a network that saw none of its group (or nothing of its source). What comes out
says what the final network, trained on everything, can be expected to do; and it sets its temperatures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from converter.data.splits import split_folds
from converter.training.head_training import UNKNOWN, fitted_temperature
from converter.training.retrain import Fitted, PreparedTraining, draw_weights, fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from converter.training.head_training import TrainingTarget

# Looked at for a better decision threshold; nearer to 0 or 1 a handful of pictures would decide.
_THRESHOLDS = tuple(np.round(np.arange(0.25, 0.76, 0.05), 2).tolist())


@dataclass(frozen=True, slots=True)
class JudgedFold:
    """What networks that did not know them said of pictures.

    Attributes:
        name: what was left out, in words.
        logits: per stage, float32 ``(pictures, labels)``; NaN for pictures that were not judged.
    """

    name: str
    logits: dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where a stage of two labels errs least on pictures that it did not know.

    Attributes:
        stage: its name.
        right: weighted share of right answers at the threshold that the recipe has.
        best: probability of the first label from which it had better be chosen.
        right_at_best: the same share there.
    """

    stage: str
    right: float
    best: float
    right_at_best: float

    def __str__(self) -> str:
        better = f"; best at {self.best:g}: {self.right_at_best:.1%}"
        gains = better if self.right_at_best > self.right else ""
        return f"{self.stage}: {self.right:.1%} right at its decision_threshold, weighted as drawn{gains}"


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The share of right answers of one stage on one set of pictures."""

    stage: str
    set_name: str
    pictures: int
    groups: int
    right: float


def judge_groups(prepared: PreparedTraining, count: int, report: Callable[[str], None]) -> JudgedFold:
    """Train ``count`` times, each time without a share of the groups, and judge those.

    Raises:
        DatasetError: a training is left with pictures of fewer than two labels.
    """
    numbers = split_folds(prepared.samples, count, seed=prepared.recipe.training.seed)
    left_out = [(f"groups, {fold + 1} of {count}", numbers == fold) for fold in range(count)]
    return _judge(prepared, "left-out groups", left_out, report)


def judge_sources(
    prepared: PreparedTraining, sources: Mapping[str, set[str]], report: Callable[[str], None]
) -> JudgedFold:
    """Train once for each source, or for several as one, without their groups, and judge those.

    Args:
        prepared: all pictures.
        sources: what is left out, in words -> its groups (``splits.groups_of``).
        report: told what each training made of what it did not know.

    Raises:
        DatasetError: a training is left with fewer than two labels.
    """
    left_out = [
        (text, np.array([sample.group in groups for sample in prepared.samples]))
        for text, groups in sources.items()
    ]
    return _judge(prepared, "left-out sources", left_out, report)


def accuracies(prepared: PreparedTraining, judged: JudgedFold) -> list[Accuracy]:
    """Return the accuracy of every stage on every set and on all."""
    sets = sorted({sample.set_name for sample in prepared.samples} - {""})
    found = []
    for question in prepared.questions:
        logits = judged.logits[question.name]
        known = (question.targets != UNKNOWN) & np.isfinite(logits[:, 0])
        for name in (*sets, "all"):
            chosen = known & np.array([name in {"all", sample.set_name} for sample in prepared.samples])
            if chosen.any():
                right = logits[chosen].argmax(axis=1) == question.targets[chosen]
                groups = len({prepared.samples[index].group for index in np.flatnonzero(chosen)})
                found.append(Accuracy(question.name, name, int(chosen.sum()), groups, float(right.mean())))
    return found


def thresholds(prepared: PreparedTraining, judged: Sequence[JudgedFold]) -> list[Threshold]:
    """Return for each stage of two labels the decision threshold that suits left-out pictures best.

    On sources that were not there a head leans to one side, by far more than the pictures that it
    knows would show. Pictures count as often as training draws them, so that a large set decides no more
    than the recipe wants it to.
    """
    weights = draw_weights(prepared, prepared.recipe.training, np.ones(len(prepared.samples), bool))
    found = []
    for question, stage in zip(prepared.questions, prepared.recipe.stage, strict=True):
        first, targets, shares = _left_out(question, judged, weights)
        if len(question.labels) != 2 or not question.on_pictures or not shares.sum():
            continue
        right = {
            threshold: float(np.average((first < threshold) == targets, weights=shares))
            for threshold in (stage.decision_threshold, *_THRESHOLDS)
        }
        best = max(right, key=lambda one: (right[one], -abs(one - stage.decision_threshold)))
        found.append(Threshold(stage.name, right[stage.decision_threshold], best, right[best]))
    return found


def calibrate_heads(fitted: Fitted, judged: Sequence[JudgedFold]) -> Fitted:
    """Return a network with the temperatures that fit what its like said of pictures they did not know."""
    temperatures = tuple(_temperature(head.question, judged) for head in fitted.heads)
    return replace(fitted, temperatures=temperatures)


def _temperature(question: TrainingTarget, judged: Sequence[JudgedFold]) -> float:
    if not question.on_pictures:  # its pictures' logits are no answer, and its positions' are fitted
        return 1.0
    known = [(one.logits[question.name], _known(question, one)) for one in judged]
    logits = np.concatenate([values[chosen] for values, chosen in known])
    return fitted_temperature(logits, np.concatenate([question.targets[chosen] for _, chosen in known]))


def _left_out(
    question: TrainingTarget, judged: Sequence[JudgedFold], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
    """Return of every left-out picture: probability of the first of two labels, target and weight."""
    known = [(one.logits[question.name], _known(question, one)) for one in judged]
    margins = np.concatenate([values[chosen, 0] - values[chosen, 1] for values, chosen in known])
    first = 1 / (1 + np.exp(-margins.astype(np.float64)))
    targets = np.concatenate([question.targets[chosen] for _, chosen in known])
    return first, targets, np.concatenate([weights[chosen] for _, chosen in known])


def _known(question: TrainingTarget, judged: JudgedFold) -> NDArray[np.bool_]:
    """Return which pictures were judged and have a target, ``(pictures,)``."""
    known: NDArray[np.bool_] = question.targets != UNKNOWN
    return known & np.isfinite(judged.logits[question.name][:, 0])


def _judge(
    prepared: PreparedTraining,
    name: str,
    left_out: Sequence[tuple[str, NDArray[np.bool_]]],
    report: Callable[[str], None],
) -> JudgedFold:
    logits = {
        question.name: np.full((len(prepared.samples), len(question.labels)), np.nan, np.float32)
        for question in prepared.questions
    }
    nobody = np.zeros(len(prepared.samples), bool)
    for text, test in left_out:
        if not test.any():
            continue
        fitted = fit(prepared, ~test, nobody)
        for stage, values in fitted.logits.items():
            logits[stage][test] = values[test]
        report("; ".join([f"without {text}", *_words(prepared, fitted, test)]))
    return JudgedFold(name, logits)


def _words(prepared: PreparedTraining, fitted: Fitted, test: NDArray[np.bool_]) -> Iterator[str]:
    for question in prepared.questions:
        known = test & (question.targets != UNKNOWN)
        if known.any():
            right = fitted.logits[question.name][known].argmax(axis=1) == question.targets[known]
            yield f"{question.name} {right.mean():.1%} of {known.sum()}"
