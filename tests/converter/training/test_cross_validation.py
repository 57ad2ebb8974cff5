"""What cross-validation makes of pictures that were left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from converter.data.dataset import Sample
from converter.training.cross_validation import JudgedFold, fit_thresholds
from converter.training.recipe import CascadeRecipe, StageRecipe
from converter.training.retraining import PreparedTraining
from converter.training.steps.training_data import TrainingTarget


def test_a_threshold_is_told_where_left_out_pictures_lean_to_one_side():
    """Clean pictures of a source that was not there are called corroded up to 0.59: best above that."""
    labels = ("corroded", "uncorroded")
    samples = tuple(
        Sample(Path(f"{index}.png"), str(index), set_name="plates", labels={"corroded": labels[index % 2]})
        for index in range(120)
    )
    recipe = CascadeRecipe(stage=(StageRecipe(name="any", column="corroded", labels=labels),))
    question = TrainingTarget("any", labels, np.arange(120) % 2)
    prepared = PreparedTraining(samples, recipe, (question,), np.zeros((1, 120, 1, 1, 1), np.float16), None)
    probabilities = np.where(question.targets == 0, 0.9, np.linspace(0.3, 0.65, 120))
    logits = np.stack([np.log(probabilities / (1 - probabilities)), np.zeros(120)], axis=1)
    logits[100:] = np.nan  # not judged
    (found,) = fit_thresholds(prepared, [JudgedFold("left-out sources", {"any": logits.astype(np.float32)})])
    assert found.stage == "any"
    assert found.best == 0.6  # the nearest of those that part the first hundred
    assert found.right < 0.9
    assert found.right_at_best == 1.0
    assert "best at 0.6: 100.0%" in str(found)
