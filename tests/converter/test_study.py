"""The study of the thesis' models."""

from __future__ import annotations

import argparse
import json

import numpy as np
import pytest

from converter import specimens, study
from edge_node.errors import DatasetError


def _run(module, *arguments):
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.run(parser.parse_args([str(argument) for argument in arguments]))


@pytest.mark.slow
def test_a_study_of_rendered_specimens(tmp_path, capsys):
    """Every model of the thesis, the cascade and the severity stage are trained, tested and put beside it."""
    data = tmp_path / "rendered"
    assert _run(specimens, data, "--count", 96, "--size", "96x96") == 0
    flags = ["--size-px", 64, "--folds", 2, "--steps", 120, "--pilot-steps", 40, 80]
    outputs = [
        "--json",
        tmp_path / "s.json",
        "--html",
        tmp_path / "s.html",
        "--bottleneck-dir",
        tmp_path / "b",
    ]
    assert _run(study, data, *flags, *outputs) == 0
    found = json.loads((tmp_path / "s.json").read_text())
    by_model = {(row["model"], row["split"], row["steps"]): row for row in found["rows"]}
    assert by_model["Model 1: pilot", "trained on", 40]["pictures"] > 20
    for split in ("specimen", "picture"):
        for model in (*study.THESIS, "material", study._CASCADE, "severity of steel's corrosion"):
            assert 0 <= by_model[model, split, None]["accuracy"] <= 1
    binary = by_model["Model 2: corroded or not, all metals", "specimen", None]
    assert binary["pictures"] == 96
    assert binary["accuracy"] > 0.7
    assert sum(sum(counts.values()) for counts in binary["crossover"].values()) == 96
    assert 0.5 < binary["detection"]["recall"] <= 1
    text = capsys.readouterr().out
    assert "97.67 %" in text
    staged = by_model[study._CASCADE, "specimen", None]
    four = by_model["Model 4: material and condition", "specimen", None]
    assert f"{staged['accuracy']:.2%} against {four['accuracy']:.2%}" in text
    assert "truth \\ said" in text
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    assert page.count("<rect") == len(found["rows"])
    assert f"{binary['accuracy']:.2%}" in page


def test_errors_between_materials_by_hand():
    """Of four errors, three name the other material."""
    targets = np.array([0, 0, 1, 2, 3, 3])
    said = np.array([0, 2, 3, 3, 1, 3])
    assert study._between_materials(targets, said) == pytest.approx(3 / 4)
    assert study._between_materials(targets, targets) is None


def test_pictures_without_conditions_cannot_be_studied(tmp_path):
    """A data set that says nothing of corrosion is refused in one sentence."""
    import cv2

    rows = ["file,label,group"]
    for index in range(4):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((40, 40, 3), 60 * index, np.uint8))
        rows.append(f"{index}.png,{'cat' if index % 2 else 'dog'},g{index}")
    (tmp_path / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(DatasetError, match="nothing to study"):
        _run(study, tmp_path)
