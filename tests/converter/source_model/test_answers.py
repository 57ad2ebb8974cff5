"""What the numbers of an output are: read from the last op and from the numbers, not from the converter."""

from __future__ import annotations

import numpy as np
import pytest

from converter.source_model.answers import find_probabilities, soften
from converter.source_model.session import ReadingError

LOGITS = np.array([[2.0, -1.0, 0.3], [0.1, 0.2, 0.3]])
SHARES = soften(LOGITS)
SIGMOIDS = 1 / (1 + np.exp(-LOGITS))


@pytest.mark.parametrize(
    ("rows", "op", "wanted", "form"),
    [
        (SHARES, "Softmax", SHARES, "exclusive"),
        (SHARES, "RealDiv", SHARES, "exclusive"),  # a softmax that is written out
        (LOGITS, "BiasAdd", SHARES, "exclusive"),
        (np.abs(LOGITS) / 10, "MatMul", soften(np.abs(LOGITS) / 10), "exclusive"),  # shares by chance
        (SIGMOIDS, "Sigmoid", SIGMOIDS, "independent"),
        (np.log(SHARES), "LogSoftmax", SHARES, "exclusive"),
        (np.log(SHARES), "Log", SHARES, "exclusive"),
    ],
)
def test_an_output_is_what_its_op_and_its_numbers_say(rows, op, wanted, form):
    """Probabilities as they are, logits under a softmax, sigmoids each by itself."""
    found, said, _ = find_probabilities(rows, op, 3)
    assert np.allclose(found, wanted)
    assert said == form


def test_one_number_of_two_labels_is_the_seconds():
    """A lone sigmoid, or its logit, is the probability of the second label, as Keras numbers classes."""
    for rows, op in ((SIGMOIDS[:, :1], "Sigmoid"), (LOGITS[:, :1], "BiasAdd")):
        found, form, _ = find_probabilities(rows, op, 2)
        assert np.allclose(found, np.concatenate([1 - SIGMOIDS[:, :1], SIGMOIDS[:, :1]], 1))
        assert form == "exclusive"


def test_as_many_numbers_as_labels_are_wanted():
    """Three outputs for two labels have no reading."""
    with pytest.raises(ReadingError, match="3 outputs for 2 labels"):
        find_probabilities(LOGITS, "BiasAdd", 2)


def test_a_softmax_in_8_bits_sums_to_nearly_one():
    """255 stands for 255/256, and its neighbour for 0: no second softmax is laid over them."""
    rows, form, _ = find_probabilities(np.array([[255 / 256, 0.0], [200 / 256, 55 / 256]]), "Softmax", 2)
    assert form == "exclusive"
    assert np.allclose(rows, [[1.0, 0.0], [200 / 255, 55 / 255]])
