"""What explains a difference: the misreading under which source and bundle agree."""

from __future__ import annotations

import numpy as np
import pytest

from converter.proof.likely_cause import compare_input, name_misread_output, name_variant
from converter.source_model.request import SourceAnswers
from edge_node.inference.manifest import InputTensor, Resize
from edge_node.inference.probabilities import softmax

SIGMOIDS = np.array([[0.9, 0.8], [0.1, 0.7], [0.99, 0.02]])
SHARES = np.array([[0.9, 0.1], [0.2, 0.8]])


@pytest.mark.parametrize(
    ("source", "bundle", "said"),
    [
        (SIGMOIDS, softmax(SIGMOIDS), "a softmax over what is probabilities already"),
        (SIGMOIDS, softmax(np.log(SIGMOIDS / (1 - SIGMOIDS))), "read as logits under a softmax"),
        (SHARES, SHARES / (1 + SHARES), "read as independent ones"),
        (SHARES, 1 / (1 + np.exp(-SHARES)), "a sigmoid over what is probabilities already"),
        (SHARES, SHARES[:, ::-1], "labels in the opposite order"),
    ],
)
def test_a_misread_output_is_named(source, bundle, said):
    """Each way to misread an output has its words."""
    assert said in (name_misread_output(source, bundle) or "")


def test_what_nothing_explains_is_not_named():
    """Answers that no misreading gives: no cause is invented."""
    assert name_misread_output(SHARES, np.array([[0.6, 0.4], [0.9, 0.1]])) is None
    assert name_variant({"pixels / 255": ((0.1, 0.9),)}, SHARES) is None
    assert name_variant({}, SHARES) is None


def test_the_nearest_variant_is_named():
    """Of two ways to feed the source the one that gives the bundle's answers."""
    variants = {"pixels / 255": ((0.88, 0.12),), "pixels -1 to 1": ((0.901, 0.099),)}
    assert name_variant(variants, SHARES) == "pixels -1 to 1"


def test_another_size_is_named():
    """A channels-first picture taken for one of three lines: both sizes."""
    given = InputTensor(
        shape=(1, 3, 96, 3),
        dtype="float32",
        colour_order="RGB",
        resize=Resize.BILINEAR,
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
    )
    said = compare_input(SourceAnswers(height=96, width=96), given)
    assert said == "the source takes 96 x 96 px, the bundle 3 x 96"
    assert compare_input(SourceAnswers(height=3, width=96), given) is None
