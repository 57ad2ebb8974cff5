"""Chosen thresholds in a recipe, and the record that a model card is made from."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from converter.data.dataset import Sample
from converter.risk.choice import ChosenThresholds, LeftOutAnswers
from converter.risk.record import LeftOutRecord, apply_thresholds, list_stages, make_record
from converter.risk.thresholds import SureFrom
from converter.training.allowed_rows import LicenceRow
from converter.training.recipe import read_recipe
from edge_node.inference.stated_risk import StatedRisk
from edge_node.messages.verdict import Outcome
from tests.support.plates import CASCADE, write_recipe

_RISK = StatedRisk(
    wrong_share=0.02, wrong=0.0, wrong_interval=(0.0, 0.6), coverage=0.5, pictures=2, sources=("a", "b")
)


def _chosen(*left_out):
    stages = {"material": SureFrom(1.5, (0.7, 0.9)), "steel": SureFrom(0.8, (0.95, 0.6))}
    return ChosenThresholds(
        {name: one for name, one in stages.items() if name not in left_out},
        left_out,
        _RISK,
        (Outcome.CORRODED, Outcome.UNCERTAIN),
        ((0.0, 0.5),),
    )


def test_stages_get_their_thresholds_or_go(tmp_path):
    """Chosen values replace the recipe's; a stage that is left out takes the routes to it along."""
    recipe = read_recipe(write_recipe(tmp_path, CASCADE))
    applied = {stage.name: stage for stage in apply_thresholds(recipe, _chosen()).stage}
    assert (applied["material"].decision_threshold, applied["material"].abstain_below) == (0.1, 0.7)
    assert (applied["steel"].decision_threshold, applied["steel"].abstain_below) == (0.95, 0.6)
    assert applied["where"] == recipe.stage[2]
    without = apply_thresholds(recipe, _chosen("steel")).stage
    assert [stage.name for stage in without] == ["material", "where"]
    assert without[0].routes == {}


def test_the_record_counts_by_source_and_member(tmp_path):
    """What was said of each left-out source, and how often each stage was right, is read again from it."""
    recipe = read_recipe(write_recipe(tmp_path, CASCADE))
    samples = tuple(
        Sample(Path(name), name, name, labels={"metal": "metal", "corroded": "corroded"}) for name in "ab"
    )
    logits = {stage.name: np.array([[2.0, 0.0], [0.0, 2.0]]) for stage in list_stages(recipe).stages}
    truth = {"material": np.array([1, 1]), "steel": np.array([0, -1])}
    answers = LeftOutAnswers(samples, np.array([0, 1]), logits, truth)
    licences = [LicenceRow(licence="CC0", sources=("a", "b"), used=2, left_out=0)]
    record = make_record(recipe, answers, _chosen(), licences, {"training": 12.5})
    first, second = record.sources
    assert (first.source, first.member, first.outcomes) == ("a", 1, {"corroded": {"corroded": 1}})
    assert (second.source, second.member, second.outcomes) == ("b", 2, {"corroded": {"uncertain": 1}})
    assert first.stages == {"material": (0, 1), "steel": (1, 1)}
    assert second.stages == {"material": (1, 1)}
    assert record.stages[0].temperature == 1.5
    assert msgspec.json.decode(msgspec.json.encode(record), type=LeftOutRecord) == record
