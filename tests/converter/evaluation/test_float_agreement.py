"""Agreement with the float model: labels are chosen as the node chooses them."""

from __future__ import annotations

import numpy as np

from converter.evaluation.float_agreement import StageComparison, choose_labels
from edge_node.inference.manifest import Stage


def test_labels_are_chosen_as_the_node_chooses_them():
    """At a decision threshold of 0.7 a probability of 0.6 is the second label, in float as in int8."""
    stage = Stage(name="steel", labels=("x", "y"), model="m", output="o", decision_threshold=0.7)
    logits = np.log(np.array([[0.6, 0.4], [0.75, 0.25], [0.2, 0.8]]))
    assert choose_labels(stage, logits).tolist() == [1, 0, 1]
    moved = np.log(np.array([[0.55, 0.45], [0.65, 0.35], [0.2, 0.8]]))
    assert StageComparison(stage, logits, moved).same_label.tolist() == [True, False, True]
