"""The step of the command that chooses thresholds: nothing without a stated risk."""

from __future__ import annotations

from converter.cli.training.retrain_risk import FittedRecipe, fit_recipe, write_record
from converter.training.recipe import read_recipe
from converter.training.retraining import PreparedTraining
from tests.support.plates import CASCADE, write_recipe


def test_a_recipe_without_a_risk_stays_as_it_is(tmp_path):
    """No picture is judged, the stages keep their thresholds, and no record is written."""
    recipe = read_recipe(write_recipe(tmp_path, CASCADE))
    prepared = PreparedTraining((), recipe, (), None, None)
    fitted = fit_recipe(prepared, None, (), {}, None, None, None)
    assert fitted == FittedRecipe(recipe)
    write_record(tmp_path / "graphs", fitted)
    assert not (tmp_path / "graphs").exists()
