"""The choice of rows before a training: no picture of another row is opened."""

from __future__ import annotations

import argparse
import csv
import shutil
import sys

import pytest

from converter.cli.training.retrain_flags import add_arguments
from converter.cli.training.retrain_plan import plan_training
from converter.data.dataset import load_dataset
from edge_node.errors import DatasetError
from tests.support.plates import CASCADE, write_recipe

_ALLOWED = CASCADE.replace('leave_out_licences = ["none stated"]', 'licences = ["CC0", "MIT (second-hand)"]')
# Source -> licences of its rows, in turn; rows without a group get one from their picture.
_LICENCES = {
    "free": ("CC0",),
    "second": ("MIT (second-hand)",),
    "near": ("MIT",),  # no part of a text counts
    "scraped": ("none stated",),
    "mixed": ("CC0", "CC BY-SA 4.0"),
}
_opened: list[str] | None = None


def _note(event: str, details: tuple[object, ...]) -> None:
    if _opened is not None and event == "open":
        _opened.append(str(details[0]))


sys.addaudithook(_note)  # no hook is ever removed: it notes nothing but in the test that asks for it


@pytest.fixture
def mixed(plates, tmp_path):
    """Plates of five sources; the pictures of three of them are missing, cut off or no pictures."""
    folder = tmp_path / "pictures"
    shutil.copytree(plates, folder)
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = list(_LICENCES)
    for at, row in enumerate(rows):
        row["source"] = names[at // 4 % len(names)]
        licences = _LICENCES[row["source"]]
        row["licence"], row["group"] = licences[at % len(licences)], ""
    for at, row in enumerate(one for one in rows if one["source"] not in {"free", "second"}):
        place = folder / row["file"]
        if at % 3 == 0:
            place.unlink()
        elif at % 3 == 1:
            place.write_bytes(place.read_bytes()[:99])
        else:
            place.write_text("no picture")
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_no_other_rows_picture_is_read(mixed, tmp_path, capsys):
    """Missing and damaged pictures of other rows do no harm, and not one of them is opened."""
    global _opened  # noqa: PLW0603 - an audit hook has no other way
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    flags = [
        "--image_dir",
        mixed,
        "--cascade",
        write_recipe(tmp_path, _ALLOWED),
        "--output_dir",
        tmp_path / "o",
    ]
    _opened = []
    try:
        plan = plan_training(parser.parse_args([str(flag) for flag in flags]))
        seen = {name for name in _opened if str(mixed) in name and not name.endswith("labels.csv")}
    finally:
        _opened = None
    assert {sample.source for sample in plan.samples} == {"free", "second"}
    assert seen == {str(sample.path) for sample in plan.samples}  # read for their groups
    printed = capsys.readouterr().out
    assert "mixed: left out whole, because only some of its rows are under an allowed licence" in printed
    table = {row.licence: row for row in plan.licences}
    assert (table["CC0"].used, table["CC0"].left_out) == (12, 4)
    assert table["CC0"].sources == ("free", "mixed")
    assert (table["MIT"].used, table["MIT (second-hand)"].used) == (0, 12)
    with pytest.raises(DatasetError):
        load_dataset(mixed)  # the missing ones would be told
