"""Thresholds for a stated risk by the whole command: members, quantized, on what each of them left out."""

from __future__ import annotations

import csv
import shutil

import msgspec
import pytest

from converter.graphs.cascade_file import read_cascade
from converter.risk.record import LeftOutRecord
from edge_node.inference.stated_risk import StatedRisk
from tests.support.plates import run_retrain, write_recipe

_RECIPE = """
name = "plates"
[risk]
wrong_share = 0.1
[training]
architecture = "mobilenet_0.25_128"
weights = "random"
size_px = 32
steps = 60
learning_rate = 1e-2
licences = ["CC0"]
[[variation]]
leave_out_sources = ["s0"]
[[stage]]
name = "material"
column = "material"
labels = ["aluminium", "steel"]
otherwise = "any"
routes = { steel = "any", aluminium = "any" }
[[stage]]
name = "any"
column = "corroded"
labels = ["corroded", "uncorroded"]
routes = { corroded = "kind" }
[[stage]]
name = "kind"
column = "material"
labels = ["aluminium", "steel"]
where = { corroded = ["corroded"] }
drop_unless_coverage = 1.0
"""


@pytest.fixture(scope="module")
def sources(plates, tmp_path_factory):
    """The plates, each specimen of one source; a fourth source is not licensed, and its pictures are gone."""
    folder = tmp_path_factory.mktemp("sources") / "pictures"
    shutil.copytree(plates, folder)
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for at, row in enumerate(rows):
        number = 3 if at >= 40 else at // 4 % 2
        row["source"], row["licence"] = f"s{number}", "none stated" if number == 3 else "CC0"
        if number == 3:
            (folder / row["file"]).unlink()
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.mark.slow
def test_the_cascade_file_has_what_was_chosen(sources, tmp_path):
    """CASCADE.toml has thresholds and risk, and not the stage that answers too little; a record says why."""
    out = tmp_path / "graphs"
    flags = ["--cascade", write_recipe(tmp_path, _RECIPE), "--image_dir", sources, "--output_dir", out]
    result = run_retrain(*flags, "--testing_percentage", 0, "--validation_percentage", 0)
    assert result.returncode == 0, result.stderr
    assert "at most 10.0% of the decided pictures are to be wrong" in result.stdout
    record = msgspec.json.decode((out / "left_out.json").read_bytes(), type=LeftOutRecord)
    plan = read_cascade(out / "CASCADE.toml")
    assert plan.licences == ("CC0",)
    assert isinstance(plan.risk, StatedRisk)
    assert plan.risk == record.risk
    assert plan.risk.sources == ("s0",)
    assert plan.risk.pictures == 20
    stages = {planned.stage.name: planned.stage for planned in plan.stages}
    for chosen in record.stages:
        stage = stages[chosen.stage]
        assert (stage.temperature, stage.decision_threshold, stage.abstain_below) == (
            chosen.temperature,
            chosen.decision_threshold,
            chosen.abstain_below,
        )
    assert {chosen.stage for chosen in record.stages} == {"material", "any"}
    assert record.left_out_stages == ("kind",)
    assert stages["any"].routes == {}
    assert not (out / "kind").exists()
    (source,) = record.sources
    assert (source.source, source.member, source.pictures) == ("s0", 1, 20)
    assert sum(sum(said.values()) for said in source.outcomes.values()) == 20
    assert {row.licence: (row.used, row.left_out) for row in record.licences} == {
        "CC0": (40, 0),
        "none stated": (0, 8),
    }
