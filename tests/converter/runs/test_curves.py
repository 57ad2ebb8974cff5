"""Curves of losses and accuracies."""

from __future__ import annotations

import cv2
import numpy as np

from converter.runs.curves import draw_curves
from converter.training.steps.training_data import Validation


def test_curves_are_a_picture_of_every_validation():
    """Trainings follow one another, and one without validation pictures has losses alone."""
    rows = [(1, Validation(10, 0.9, 0.8, {"steel": 0.5})), (2, Validation(10, 0.7, 0.6, {"steel": 0.9}))]
    alone = [(1, Validation(10, 0.9, float("nan"), {}))]
    pictures = [
        cv2.imdecode(np.frombuffer(draw_curves(some), np.uint8), cv2.IMREAD_COLOR) for some in (rows, alone)
    ]
    assert [picture.shape for picture in pictures] == [(350, 800, 3)] * 2
    assert (pictures[0] != pictures[1]).any()
