"""The models of a study: those that the pictures cannot answer are named."""

from __future__ import annotations

import numpy as np

from converter.cli.training import study
from converter.study.models import (
    select_answerable,
    with_classes,
)
from tests.support.labelled_pictures import write_labelled_pictures


def test_models_that_the_pictures_cannot_answer_are_named(tmp_path):
    """A label that is missing, or that is in one fold only, leaves its models out, with the reason."""
    rows = [f"steel,{number % 2},,g{number},s" for number in range(12)]
    rows += ["aluminium,0,,a,s", "aluminium,0,,b,s", "aluminium,1,,c,s", "aluminium,1,,c,s"]
    write_labelled_pictures(tmp_path, rows)
    samples = tuple(with_classes(sample) for sample in study.load_dataset(tmp_path))
    numbers = np.array([0] * 6 + [1] * 6 + [0, 1, 0, 0])
    numbers[1] = 1
    models, reasons = select_answerable(samples, [numbers])
    assert [model.stage.name for model in models] == ["binary", "steel", "material"]
    said = "\n".join(reasons)
    assert "Model 6: aluminium alone: left out, all 2 pictures of corroded (1 groups) are in one fold" in said
    assert "mid or late: left out, no picture is labelled late (column severity, material = steel)" in said
