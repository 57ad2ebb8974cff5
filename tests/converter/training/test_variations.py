"""The trainings that a recipe asks for: who is trained on what, and the mean of their weights."""

from __future__ import annotations

import numpy as np
import pytest

from converter.data.dataset import load_dataset
from converter.training.recipe import read_recipe
from converter.training.side_by_side import TrainedMember
from converter.training.steps.training_data import Member, TrainedHead, TrainingData, TrainingTarget
from converter.training.variations import average, plan_members
from edge_node.errors import DatasetError
from tests.support.plates import CASCADE, write_recipe


def _plan(plates, tmp_path, variations):
    """Return the pictures and the trainings of the recipe of plates with these variations."""
    recipe = read_recipe(write_recipe(tmp_path, CASCADE.replace("[training]", f"{variations}[training]")))
    samples = load_dataset(plates)
    questions = []
    for stage in recipe.stage:
        found = [stage.target(sample) for sample in samples]
        targets = np.array([-1 if target is None else target for target in found])
        questions.append(TrainingTarget(stage.name, stage.labels, targets))
    everything = np.ones(len(samples), bool)
    data = TrainingData(np.zeros((1, len(samples), 1, 1, 1), np.float16), None, everything * 0.0, ~everything)
    return samples, plan_members(samples, recipe, questions, data, everything)


def test_what_a_member_leaves_out_it_does_not_draw(plates, tmp_path):
    """Pictures of its sources, and others of their specimens, have no weight in it and in it alone."""
    variations = '[[variation]]\nleave_out_groups = ["g3", "g4"]\n[[variation]]\ntrainings = 2\nseed = 7\n'
    samples, members = _plan(plates, tmp_path, variations)
    groups = np.array([sample.group for sample in samples])
    out = np.isin(groups, ["g3", "g4"])
    allowed = np.array([sample.licence == "CC0" for sample in samples])
    assert [member.variation for member in members] == [0, 1, 1]
    assert [member.settings.seed for member in members] == [0, 7, 8]
    np.testing.assert_array_equal(members[0].left_out, out)
    np.testing.assert_array_equal(members[0].data.weights > 0, allowed & ~out)
    assert not members[1].left_out.any()
    np.testing.assert_array_equal(members[1].data.weights > 0, allowed)


def test_a_source_takes_its_specimens_along(plates, tmp_path):
    """Every specimen of the plates is shown by two sources: without one nothing of the specimen is drawn."""
    variations = '[[variation]]\nleave_out_sources = ["s0"]\n'
    samples, members = _plan(plates, tmp_path, variations)
    shown = {sample.group for sample in samples if sample.source == "s0"}
    np.testing.assert_array_equal(members[0].left_out, [sample.group in shown for sample in samples])
    with pytest.raises(DatasetError, match="is left to train on"):
        _plan(plates, tmp_path, '[[variation]]\nleave_out_sources = ["s0", "s1"]\n')


def test_variations_count_alike_whatever_their_trainings():
    """The mean is over variations of the mean over each one's trainings."""
    question = TrainingTarget("q", ("a", "b"), np.zeros(1, np.intp))
    data = TrainingData(np.zeros((1, 1, 1, 1, 1), np.float16), None, np.ones(1), np.zeros(1, bool))

    def trained(value):
        full = np.full((2, 2), value, np.float32)
        return TrainedMember([full], (TrainedHead(question, full, full[0]),))

    members = [Member(number, data, None, np.zeros(1, bool)) for number in (0, 1, 1)]
    mean = average(members, [trained(6.0), trained(1.0), trained(3.0)])
    assert (mean.upper[0] == 4.0).all()
    assert (mean.heads[0].weights == 4.0).all()
    assert (mean.heads[0].biases == 4.0).all()
