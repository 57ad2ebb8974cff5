"""A whole study of rendered specimens: every model trained, tested and compared."""

from __future__ import annotations

import json

import pytest

from converter.cli import specimens
from converter.cli.training import study
from converter.study.models import (
    CASCADE,
    PILOT,
    SEVERITY_CASCADE,
    TITLES,
)
from tests.support.subcommands import run


@pytest.mark.slow
def test_a_study_of_rendered_specimens(tmp_path, capsys):
    """Every model of the thesis, both cascades and the severity stages are trained, tested and compared."""
    data = tmp_path / "rendered"
    assert run(specimens, data, "--count", 96, "--size", "96x96") == 0
    flags = ["--size-px", 64, "--folds", 2, "--steps", 120, "--pilot-steps", 40, 80, "--set", "specimens"]
    figures, report = tmp_path / "s.json", tmp_path / "s.html"
    outputs = ["--json", figures, "--html", report, "--bottleneck-dir", tmp_path / "b"]
    assert run(study, data, *flags, *outputs) == 0
    found = json.loads(figures.read_text())
    by_model = {(one["model"], one["split"], one["steps"]): one for one in found["rows"]}
    assert by_model[PILOT, "known", 40]["pictures"] > 20
    for split in ("specimen", "picture"):
        for title in (*TITLES.values(), CASCADE, SEVERITY_CASCADE):
            accuracy = by_model[title, split, None]["accuracy"]
            assert 0 <= accuracy["low"] <= accuracy["value"] <= accuracy["high"] <= 1
    binary = by_model[TITLES["binary"], "specimen", None]
    assert binary["pictures"] == 96
    assert binary["accuracy"]["value"] > 0.7
    assert sum(sum(counts.values()) for counts in binary["crossover"].values()) == 96
    assert 0.5 < binary["detection"]["recall"] <= 1
    text = capsys.readouterr().out
    assert "97.67 %" in text
    staged, four = (by_model[title, "specimen", None] for title in (CASCADE, TITLES["four"]))
    assert f"{staged['accuracy']['value']:.2%}".replace("%", " %") in text
    compared = next(c for c in found["comparisons"] if (c["cascade"], c["split"]) == (CASCADE, "specimen"))
    gained = staged["accuracy"]["value"] - four["accuracy"]["value"]
    assert compared["gained"]["value"] == pytest.approx(gained)
    html = report.read_text(encoding="utf-8")
    assert html.count('<b class="specimen"') == 1 + sum(one["split"] == "specimen" for one in found["rows"])
    assert f"{100 * binary['accuracy']['value']:.2f} %" in html
