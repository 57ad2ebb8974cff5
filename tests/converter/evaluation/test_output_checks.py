"""Checks of a converted model's outputs: guessing is refused."""

from __future__ import annotations

import numpy as np
import pytest

from converter.evaluation.float_agreement import StageComparison
from converter.evaluation.output_checks import check_outputs
from edge_node.errors import ConversionError
from edge_node.inference.manifest import Stage


def test_a_mode_that_has_fallen_to_guessing_is_refused():
    """Sure in float and one half each in 8 bits: off by 0.4 on average, and the sentence says so."""
    stage = Stage(name="steel", labels=("x", "y"), model="m", output="o")
    sure = np.log(np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1]]))
    guessing = np.log(np.array([[0.5, 0.5], [0.49, 0.51], [0.5, 0.5]]))
    check_outputs((StageComparison(stage, sure, sure * 0.8),))
    with pytest.raises(ConversionError, match=r"steel: .* off by 0\.40 on average of 3 pictures"):
        check_outputs((StageComparison(stage, sure, guessing),))
