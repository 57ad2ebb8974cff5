"""Cross-validate a recipe on specimens and sources that are left out of training.

Each picture gets its logits from a network that was trained without its group (or without its source). Their
accuracy estimates that of the final network, which is trained on everything; they also fit its temperatures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from converter.data.splits import split_by_group
from converter.data.stage_truth import UNKNOWN
from converter.training.draw_weights import weigh_pictures
from converter.training.retraining import PreparedTraining, RetrainedNetwork, fit
from converter.training.steps.head_training import fit_head_temperature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from converter.training.steps.training_data import TrainingTarget

# Candidates for a decision threshold; nearer to 0 or 1 a handful of pictures would decide.
_THRESHOLDS = tuple(np.round(np.arange(0.25, 0.76, 0.05), 2).tolist())


@dataclass(frozen=True, slots=True)
class JudgedFold:
    """Logits of pictures from networks that were trained without them.

    Attributes:
        name: what was left out, in words.
        logits: per stage, float32 ``(pictures, labels)``; NaN for pictures that were never left out.
    """

    name: str
    logits: dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Threshold:
    """The decision threshold with the fewest errors of a stage of two labels on left-out pictures.

    Attributes:
        stage: its name.
        right: weighted accuracy at the recipe's threshold.
        best: the best threshold on the probability of the first label.
        right_at_best: weighted accuracy at ``best``.
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
    """The accuracy, ``right``, of one stage on one set of pictures."""

    stage: str
    set_name: str
    pictures: int
    groups: int
    right: float


def judge_groups(prepared: PreparedTraining, count: int, report: Callable[[str], None]) -> JudgedFold:
    """Train ``count`` times, each time without a share of the groups, and run the network on that share.

    Raises:
        DatasetError: a label has no picture left to train on.
    """
    numbers = split_by_group(prepared.samples, count, seed=prepared.recipe.training.seed)
    left_out = [(f"groups, {fold + 1} of {count}", numbers == fold) for fold in range(count)]
    return _judge(prepared, "left-out groups", left_out, report)


def judge_sources(
    prepared: PreparedTraining, sources: Mapping[str, set[str]], report: Callable[[str], None]
) -> JudgedFold:
    """Train once without each source, or several as one, and run the network on the pictures left out.

    Args:
        prepared: all pictures.
        sources: name of what is left out -> its groups (``splits.find_groups``).
        report: called with a line of accuracies after each training.

    Raises:
        DatasetError: a label has no picture left to train on.
    """
    left_out = [
        (text, np.array([sample.group in groups for sample in prepared.samples]))
        for text, groups in sources.items()
    ]
    return _judge(prepared, "left-out sources", left_out, report)


def measure_accuracies(prepared: PreparedTraining, judged: JudgedFold) -> list[Accuracy]:
    """Compute the accuracy of every stage on every set and on all pictures."""
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


def fit_thresholds(prepared: PreparedTraining, judged: Sequence[JudgedFold]) -> list[Threshold]:
    """Fit the decision threshold of each stage of two labels on left-out pictures.

    On sources that it was not trained on a head favours one label far more than on its training pictures.
    Pictures are weighted as in training, so that a large set counts no more than the recipe says.
    """
    everything = np.ones(len(prepared.samples), bool)
    weights = weigh_pictures(prepared.samples, prepared.questions, prepared.recipe.training, everything)
    found = []
    for question, stage in zip(prepared.questions, prepared.recipe.stage, strict=True):
        first, targets, shares = _collect_left_out(question, judged, weights)
        if len(question.labels) != 2 or not question.on_pictures or not shares.sum():
            continue
        right = {
            threshold: float(np.average((first < threshold) == targets, weights=shares))
            for threshold in (stage.decision_threshold, *_THRESHOLDS)
        }
        best = max(right, key=lambda one: (right[one], -abs(one - stage.decision_threshold)))
        found.append(Threshold(stage.name, right[stage.decision_threshold], best, right[best]))
    return found


def calibrate_heads(fitted: RetrainedNetwork, judged: Sequence[JudgedFold]) -> RetrainedNetwork:
    """Return the network with temperatures fitted on the logits of left-out pictures."""
    temperatures = tuple(_fit_temperature(head.question, judged) for head in fitted.heads)
    return replace(fitted, temperatures=temperatures)


def _fit_temperature(question: TrainingTarget, judged: Sequence[JudgedFold]) -> float:
    known = [(one.logits[question.name], _find_known(question, one)) for one in judged]
    logits = np.concatenate([values[chosen] for values, chosen in known])
    targets = np.concatenate([question.targets[chosen] for _, chosen in known])
    return fit_head_temperature(question, logits, targets)


def _collect_left_out(
    question: TrainingTarget, judged: Sequence[JudgedFold], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
    """Return probability of the first of two labels, target and weight of every left-out picture."""
    known = [(one.logits[question.name], _find_known(question, one)) for one in judged]
    margins = np.concatenate([values[chosen, 0] - values[chosen, 1] for values, chosen in known])
    first = 1 / (1 + np.exp(-margins.astype(np.float64)))
    targets = np.concatenate([question.targets[chosen] for _, chosen in known])
    return first, targets, np.concatenate([weights[chosen] for _, chosen in known])


def _find_known(question: TrainingTarget, judged: JudgedFold) -> NDArray[np.bool_]:
    """Return which pictures have logits and a target, ``(pictures,)``."""
    known: NDArray[np.bool_] = question.targets != UNKNOWN
    return known & np.isfinite(judged.logits[question.name][:, 0])


def _judge(
    prepared: PreparedTraining,
    name: str,
    left_out: Sequence[tuple[str, NDArray[np.bool_]]],
    report: Callable[[str], None],
) -> JudgedFold:
    """Train without each of the parts ``left_out`` and run the network on that part."""
    logits = {
        question.name: np.full((len(prepared.samples), len(question.labels)), np.nan, np.float32)
        for question in prepared.questions
    }
    none = np.zeros(len(prepared.samples), bool)
    for text, test in left_out:
        if not test.any():
            continue
        fitted = fit(prepared, ~test, none)
        for stage, values in fitted.logits.items():
            logits[stage][test] = values[test]
        report("; ".join([f"without {text}", *_describe_accuracies(prepared, fitted, test)]))
    return JudgedFold(name, logits)


def _describe_accuracies(
    prepared: PreparedTraining, fitted: RetrainedNetwork, test: NDArray[np.bool_]
) -> Iterator[str]:
    for question in prepared.questions:
        known = test & (question.targets != UNKNOWN)
        if known.any():
            right = fitted.logits[question.name][known].argmax(axis=1) == question.targets[known]
            yield f"{question.name} {right.mean():.1%} of {known.sum()}"
