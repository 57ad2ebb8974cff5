"""Choose a stage's temperature, and how sure it must be, for a share of wrong answers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from edge_node.inference.probabilities import softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.inference.manifest import Stage

_TEMPERATURES = np.geomspace(0.1, 10.0, 81)
# How much an error costs, in answers: the first that holds the share of errors gives the most answers.
_PRICES = np.concatenate([[0.0], np.geomspace(1.0, 1e5, 101)])
_NEVER = 1.0
_DIGITS = 6


class SureFrom(NamedTuple):
    """The temperature of a stage, and the probability from which each of its labels is sure.

    A stage of more than two labels has one probability for all of them.
    """

    temperature: float
    probabilities: tuple[float, ...]

    def apply(self, stage: Stage) -> Stage:
        """Return the stage with these values.

        Of two labels the first is sure from ``abstain_below`` on and the second below ``decision_threshold``,
        or the other way round, whichever of the two is surer.
        """
        if len(self.probabilities) == 1:
            return msgspec.structs.replace(
                stage, temperature=self.temperature, abstain_below=self.probabilities[0]
            )
        first, second = self.probabilities
        threshold = round(1 - second, _DIGITS) if first <= second else first
        return msgspec.structs.replace(
            stage,
            temperature=self.temperature,
            decision_threshold=threshold,
            abstain_below=min(first, second),
        )


def weigh_sources(sources: list[str]) -> NDArray[np.float64]:
    """Return a weight for each picture, so that a source counts by the root of its number of pictures.

    One long series does not decide alone, and a handful of pictures decides no more than it tells.
    """
    names, inverse, counts = np.unique(np.array(sources), return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(counts[inverse]) if len(names) else np.zeros(0)
    return np.asarray(weights * len(weights) / max(weights.sum(), 1e-12), np.float64)


def choose_sure(
    logits: NDArray[np.float64],
    truth: NDArray[np.intp],
    weights: NDArray[np.float64],
    wrong_share: float,
    temperature: float,
) -> SureFrom:
    """Choose what gives the most answers with at most ``wrong_share`` of them wrong.

    Args:
        logits: ``(pictures, labels)``.
        truth: index of the right label, ``(pictures,)``; negative where every answer is wrong.
        weights: of the pictures.
        wrong_share: 0 to 1.
        temperature: of the stage.
    """
    probabilities = softmax(logits, temperature)
    said, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = said != truth
    labels = range(2) if logits.shape[1] == 2 else [None]
    chosen = [said == label if label is not None else np.ones(len(said), bool) for label in labels]
    curves = [_Curve.of(sure[rows], wrong[rows], weights[rows]) for rows in chosen]
    return SureFrom(temperature, tuple(_choose(curves, wrong_share)))


def fit_temperature(
    logits: NDArray[np.float64], truth: NDArray[np.intp], weights: NDArray[np.float64]
) -> float:
    """Return the temperature with the least weighted negative log-likelihood of the right labels."""
    at = np.arange(len(truth))

    def loss(temperature: float) -> float:
        of_truth = softmax(logits, temperature)[at, truth]
        return float(-(weights * np.log(np.maximum(of_truth, 1e-12))).sum())

    return round(float(min(_TEMPERATURES, key=loss)), _DIGITS)


class _Curve(NamedTuple):
    """Of each number of the surest answers: the least probability, their weight, that of the wrong ones."""

    probabilities: NDArray[np.float64]
    answers: NDArray[np.float64]
    wrong: NDArray[np.float64]

    @classmethod
    def of(cls, sure: NDArray[np.float64], wrong: NDArray[np.bool_], weights: NDArray[np.float64]) -> _Curve:
        order = np.argsort(-sure, kind="stable")
        # Pictures of equal probability are answered together.
        ends = np.append(np.diff(sure[order]) != 0, True)[: len(order)]
        answers, errors = np.cumsum(weights[order])[ends], np.cumsum((weights * wrong)[order])[ends]
        lowest = np.floor(sure[order][ends] * 10**_DIGITS) / 10**_DIGITS
        none = np.zeros(1)
        return cls(
            np.concatenate([[_NEVER], lowest]),
            np.concatenate([none, answers]),
            np.concatenate([none, errors]),
        )


def _choose(curves: list[_Curve], wrong_share: float) -> list[float]:
    """Return the least probability of each curve that together give most answers at this share of errors."""
    for price in _PRICES:
        at = [
            int(np.argmax((1 + price * wrong_share) * curve.answers - price * curve.wrong))
            for curve in curves
        ]
        answers = sum(curve.answers[index] for curve, index in zip(curves, at, strict=True))
        wrong = sum(curve.wrong[index] for curve, index in zip(curves, at, strict=True))
        if wrong <= wrong_share * answers + 1e-9:
            return [float(curve.probabilities[index]) for curve, index in zip(curves, at, strict=True)]
    return [_NEVER] * len(curves)
