"""The corrosion map: probability per position, area, grades and overlay, on maps computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edge_node.inference.manifest import Meaning, Stage
from edge_node.inspection.corrosion_map import area_estimate, corroded_labels, corroded_probability
from edge_node.inspection.grades import astm_d610, iso_4628_3
from edge_node.inspection.overlay import draw_overlay


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
    assert area_estimate(logits, stage()).fraction == pytest.approx(corroded_columns / 8, abs=1 / 64)


@pytest.mark.parametrize(
    ("percent", "degree"),
    [
        (0.0, "Ri 0"),
        (0.02, "Ri 0"),
        (0.03, "Ri 1"),
        (0.05, "Ri 1"),
        (0.15, "Ri 1"),  # below 0.158, the geometric mean of 0.05 and 0.5
        (0.17, "Ri 2"),
        (0.5, "Ri 2"),
        (1.0, "Ri 3"),
        (2.8, "Ri 3"),  # geometric mean of 1 and 8: 2.83
        (2.9, "Ri 4"),
        (8.0, "Ri 4"),
        (18.0, "Ri 4"),
        (20.0, "Ri 5"),  # geometric mean of 8 and 45: 18.97
        (100.0, "Ri 5"),
    ],
)
def test_iso_4628_3_names_the_degree_nearest_by_ratio(percent, degree):
    """The standard's own points are hit; between them the geometric mean divides."""
    assert iso_4628_3(percent / 100) == degree


@pytest.mark.parametrize(
    ("percent", "grade"),
    [
        (0, 10),
        (0.01, 10),
        (0.02, 9),
        (0.1, 8),
        (0.3, 7),
        (1, 6),
        (3, 5),
        (10, 4),
        (16, 3),
        (33, 2),
        (50, 1),
        (51, 0),
    ],
)
def test_astm_d610_names_the_grade_whose_range_holds_the_area(percent, grade):
    """Each grade's upper bound belongs to it; above the last it is 0."""
    assert astm_d610(percent / 100) == grade


def test_the_overlay_colours_only_where_corrosion_is_probable():
    """The left half changes, the right half keeps its bytes, and the lines stand below the picture."""
    pixels = np.full((64, 96, 3), 120, np.uint8)
    probability = np.zeros((4, 6), np.float32)
    probability[:, :2] = 1.0
    drawn = draw_overlay(pixels, probability, ["corroded 0.99", "material steel > steel corroded"])
    assert drawn.shape[0] > 64
    assert (drawn[:64, 60:] == 120).all()
    assert (drawn[:64, :16] != 120).any(axis=-1).all()
    assert drawn[64:].max() > 200
    assert (pixels == 120).all()
