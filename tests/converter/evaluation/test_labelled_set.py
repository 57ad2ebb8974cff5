"""Labelled pictures: scores with their intervals, and only pictures that a stage knows."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from converter.data.stage_truth import UNKNOWN
from converter.evaluation.labelled_set import Score, load_labelled
from edge_node.errors import DatasetError
from tests.support.cascades import cascade_of


def test_a_score_has_the_accuracy_of_its_counts() -> None:
    """With Wilson's interval; none of none is 0."""
    assert Score(8, 10).accuracy == 0.8
    assert Score(8, 10).interval == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert Score(0, 0).accuracy == 0.0


def write_classes(folder, *names) -> None:
    """Write a picture for each class."""
    for number, name in enumerate(names):
        (folder / name / f"plate{number}").mkdir(parents=True)
        pixels = np.full((40, 40, 3), 20 * number, np.uint8)
        cv2.imwrite(str(folder / name / f"plate{number}" / "a.png"), pixels)


def test_pictures_whose_label_no_stage_has_are_left_out(tmp_path) -> None:
    """The truth is the index of the label; the condition is read from the folder's name."""
    write_classes(tmp_path, "corroded", "uncorroded", "cat")
    found = load_labelled(tmp_path, cascade_of("corroded", "uncorroded"))
    assert (found.name, len(found.samples)) == (tmp_path.name, 2)
    assert found.truth["s"].tolist() == [0, 1]
    assert found.corroded.tolist() == [1, 0]
    assert UNKNOWN not in found.truth["s"]
    assert [picture.shape for picture in found.pictures()] == [(40, 40, 3)] * 2
    assert len(set(found.groups)) == 2


def test_a_set_that_no_stage_knows_is_refused(tmp_path) -> None:
    """In one sentence with the labels that are wanted."""
    write_classes(tmp_path, "cat", "dog")
    with pytest.raises(DatasetError, match=r"none of its 2 pictures .* \(corroded, uncorroded\)"):
        load_labelled(tmp_path, cascade_of("corroded", "uncorroded"))
