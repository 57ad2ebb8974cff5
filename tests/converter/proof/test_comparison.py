"""The figures of a comparison: near ties do not count as labels, hundredths count as probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from converter.proof.comparison import Comparison


def compare(source: list[list[float]], bundle: list[list[float]], *, independent: bool = False) -> Comparison:
    """Return a comparison of labels a and b on pictures 0, 1, ..."""
    names = [f"{at}.jpg" for at in range(len(source))]
    return Comparison(("a", "b"), independent, names, np.array(source), np.array(bundle))


def test_a_near_tie_may_fall_to_the_other_side():
    """A margin below 0.02 in the source: another label is no fault, and the figures say so."""
    found = compare([[0.505, 0.495], [0.9, 0.1]], [[0.497, 0.503], [0.9, 0.1]])
    assert found.find_fault() is None
    figures = found.summarise()
    assert (figures.same, figures.clear, figures.clear_same) == (1, 1, 1)
    assert figures.worst == pytest.approx(0.008)
    assert figures.worst_picture == "0.jpg"


def test_the_worst_picture_with_another_label_is_told_with_both_answers():
    """A clear label that differs goes before a larger difference of the same label."""
    found = compare([[0.7, 0.3], [0.52, 0.48]], [[0.95, 0.05], [0.48, 0.52]])
    fault = found.find_fault()
    assert fault == 1
    assert found.describe(fault) == "1.jpg: TensorFlow says a 0.52, b 0.48, the bundle b 0.52, a 0.48"
    assert compare([[0.7, 0.3]], [[0.72, 0.28]]).find_fault() == 0


def test_a_network_that_is_sure_of_everything_hides_nothing():
    """Probabilities that agree to a thousandth, and log-odds that do not: it is fed something else."""
    sure = [[0.9990, 0.0010], [0.9995, 0.0005]]
    assert compare(sure, [[0.9991, 0.0009], [0.9994, 0.0006]]).find_fault() is None
    assert compare(sure, [[0.9990, 0.0010], [0.99999, 0.00001]]).find_fault() == 1


def test_independent_labels_are_held_one_by_one():
    """Each sigmoid has its own side of a half; one of two that flips is another answer."""
    found = compare([[0.9, 0.9], [0.9, 0.495]], [[0.9, 0.4], [0.9, 0.503]], independent=True)
    assert found.find_fault() == 0
    assert found.same.tolist() == [False, False]
    assert found.clear.tolist() == [True, False]
