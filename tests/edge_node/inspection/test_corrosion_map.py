"""The corrosion map: probability per position, area, grades and overlay, on maps computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edge_node.inference.manifest import Meaning, Stage
from edge_node.inspection.corrosion_map import corroded_labels, corroded_probability, estimate_area


def stage(*, labels=("corroded", "uncorroded"), **said: float) -> Stage:
    """A stage whose labels mean what they say."""
    meanings = {label: Meaning(corroded=label != "uncorroded") for label in labels}
    return Stage(name="steel", labels=labels, model="m", output="o", meanings=meanings, **said)


def test_a_position_has_the_softmax_of_its_logits():
    """Logits 2 and 0 give 1 / (1 + e^-2); a temperature of 2 gives 1 / (1 + e^-1)."""
    logits = np.array([[[2.0, 0.0]]], np.float32)
    assert corroded_probability(logits, stage())[0, 0] == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-6)
    halved = corroded_probability(logits, stage(temperature=2.0))
    assert halved[0, 0] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-6)


def test_a_threshold_of_the_map_is_moved_to_one_half():
    """What is corroded from 0.9 on is one half at 0.9, less below, more above; its ends stay."""
    probabilities = np.array([0.0001, 0.5, 0.9, 0.99, 1.0], np.float64)
    logits = np.stack([np.log(probabilities), np.log(np.maximum(1 - probabilities, 1e-12))], axis=-1)
    moved = corroded_probability(logits[np.newaxis].astype(np.float32), stage(map_threshold=0.9))[0]
    assert moved == pytest.approx([0.0001 / 9, 0.1, 0.5, 0.99 / (0.99 + 9 * 0.01), 1.0], rel=1e-3)


def test_several_labels_may_mean_corroded():
    """Their probabilities are added: of four equal ones, three are corroded."""
    four = stage(labels=("light", "mid", "late", "uncorroded"))
    assert corroded_labels(four) == (0, 1, 2)
    assert corroded_probability(np.zeros((2, 3, 4), np.float32), four) == pytest.approx(np.full((2, 3), 0.75))


def test_a_stage_that_does_not_tell_corroded_is_refused():
    """A material stage has no corroded area, and none is made up."""
    material = Stage(
        name="material",
        labels=("steel", "zinc"),
        model="m",
        output="o",
        meanings={"steel": Meaning(material="steel")},
    )
    assert corroded_labels(material) == ()
    with pytest.raises(ValueError, match="material"):
        corroded_probability(np.zeros((1, 1, 2), np.float32), material)


@pytest.mark.parametrize("corroded_columns", [0, 2, 4, 8])
def test_the_area_is_the_share_of_corroded_positions(corroded_columns):
    """Columns of a map of 8 that are surely corroded; interpolation moves no edge."""
    logits = np.zeros((8, 8, 2), np.float32)
    logits[..., 1] = 6.0
    logits[:, :corroded_columns] = (6.0, 0.0)
    assert estimate_area(logits, stage()) == pytest.approx(corroded_columns / 8, abs=1 / 64)


def test_independent_labels_have_the_surest_that_means_corroded():
    """A clean label beside it takes nothing away."""
    both = {"rust": Meaning(corroded=True), "pits": Meaning(corroded=True), "clean": Meaning(corroded=False)}
    independent = Stage(
        name="s", labels=tuple(both), model="m", output="o", meanings=both, label_thresholds={}
    )
    found = corroded_probability(np.array([[[np.log(3), -5.0, 9.0]]], np.float32), independent)
    assert found == pytest.approx(np.array([[0.75]]), abs=1e-6)
