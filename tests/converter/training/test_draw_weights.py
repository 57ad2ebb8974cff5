"""How often each picture is drawn in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converter.data.dataset import Sample
from converter.training.draw_weights import weigh_pictures
from converter.training.recipe import TrainingRecipe
from converter.training.steps.training_data import TrainingTarget


def _series(count: int, group: str, condition: str, source: str = "site", set_name: str = "") -> list[Sample]:
    labels = {"corroded": condition} if condition else {"metal": "other"}
    return [
        Sample(Path(f"{group}{number}.png"), group, source, set_name, "CC0", labels)
        for number in range(count)
    ]


def _weigh(samples: list[Sample], **keys: object) -> np.ndarray:
    index = {"corroded": 0, "uncorroded": 1}
    targets = np.array([index.get(sample.labels.get("corroded", ""), -1) for sample in samples], np.intp)
    question = TrainingTarget("condition", ("corroded", "uncorroded"), targets, None)
    return weigh_pictures(samples, [question], TrainingRecipe(**keys), np.ones(len(samples), bool))  # type: ignore[arg-type]


def test_a_long_series_counts_as_the_root_of_its_pictures() -> None:
    """Balanced by groups, 400 pictures of one object weigh as much as 20 objects seen once."""
    samples = _series(400, "a", "corroded") + [s for n in range(20) for s in _series(1, f"b{n}", "corroded")]
    weights = _weigh(samples, balance="groups")
    assert weights[:400].sum() == pytest.approx(weights[400:].sum())


def test_both_conditions_are_drawn_alike_when_balanced_by_groups() -> None:
    """Whatever their numbers, corroded and uncorroded metal make the same share of the draws."""
    samples = _series(9, "a", "corroded") + [s for n in range(50) for s in _series(1, f"b{n}", "uncorroded")]
    weights = _weigh(samples, balance="groups")
    assert weights[:9].sum() == pytest.approx(weights[9:].sum())


def test_a_source_has_a_factor_of_its_own() -> None:
    """``sources`` multiplies the weight of a source's pictures, however the rest is balanced."""
    samples = _series(4, "a", "corroded") + _series(4, "b", "corroded", source="rendered")
    for balance in ("labels", "groups"):
        weights = _weigh(samples, balance=balance, sources={"rendered": 0.25})
        assert weights[4:].sum() == pytest.approx(0.25 * weights[:4].sum())


def test_a_set_without_weight_takes_part_as_it_is() -> None:
    """Sets weigh as the recipe says; few pictures of a stratum are not drawn over and over."""
    samples = _series(60, "a", "corroded", set_name="near") + _series(6, "b", "corroded", set_name="far")
    weights = _weigh(samples, sets={"near": 2.0, "far": 1.0})
    assert weights[0] == pytest.approx(2 / 60)
    assert weights[-1] == pytest.approx(1 / 60)
