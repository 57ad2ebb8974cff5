"""The answers of members in a file: thresholds can be chosen again without a training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converter.data.dataset import Sample
from converter.risk.choice import LeftOutAnswers
from converter.risk.kept_answers import read_answers, write_answers
from edge_node.errors import DatasetError


def test_answers_are_read_as_they_were_written(tmp_path):
    """Every picture with its origin and labels, every logit and every truth comes back."""
    samples = (
        Sample(Path("a.jpg"), "g1", "s1", "surfaces", "CC0", {"corroded": "corroded", "metal": "metal"}),
        Sample(Path("b.jpg"), "", "s2", "other", "MIT", {"metal": "other"}),
    )
    logits = {"metal": np.array([[1.5, -1.5], [0.25, 0.125]]), "any metal": np.zeros((2, 2))}
    truth = {"metal": np.array([0, 1])}
    path = tmp_path / "left_out.npz"
    write_answers(path, LeftOutAnswers(samples, np.array([0, 3]), logits, truth))
    found = read_answers(path)
    assert found.samples == samples
    assert found.members.tolist() == [0, 3]
    assert {name: values.tolist() for name, values in found.logits.items()} == {
        name: values.tolist() for name, values in logits.items()
    }
    assert found.truth["metal"].tolist() == [0, 1]
    with pytest.raises(DatasetError, match="cannot be read"):
        read_answers(tmp_path / "absent.npz")
