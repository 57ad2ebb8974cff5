"""``converter show``: a contact sheet of pictures with what a bundle says of each."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from converter.cli.bundles import show
from edge_node.errors import ConversionError
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from tests.support.labelled_pictures import write_labelled_pictures
from tests.support.subcommands import run


def test_show_writes_a_contact_sheet(picture, tmp_path, capsys):
    """Three pictures in two columns: two rows of cells, each with a picture and two lines."""
    for at in range(2):
        cv2.imwrite(str(picture.parent / f"{at}.png"), np.full((30, 40, 3), 90 + at, np.uint8))
    sheet = tmp_path / "sheet.png"
    assert run(show, DEFAULT_BUNDLE, picture.parent, "--out", sheet, "--columns", 2, "--cell", 160) == 0
    assert capsys.readouterr().out.startswith("3 pictures")
    height, width = cv2.imread(str(sheet)).shape[:2]
    assert width == 2 * (160 + 6)
    assert height > 2 * (120 + 6)


@pytest.mark.parametrize(
    ("option", "value"), [("--cell", 100000), ("--count", 1000000), ("--columns", 99999)]
)
def test_show_refuses_a_sheet_that_no_file_can_hold(picture, tmp_path, option, value):
    """Said before a picture is read: 100,000 px a cell had taken all memory."""
    with pytest.raises(ConversionError, match="smaller --cell or --count"):
        run(show, DEFAULT_BUNDLE, picture.parent, "--out", tmp_path / "sheet.jpg", option, value)
    assert not (tmp_path / "sheet.jpg").exists()


def test_show_tells_the_truth_beside_the_verdict(tmp_path, capsys):
    """What labels.csv says stands beside each verdict, and how many are right is counted."""
    rows = ["steel,1,late,g0,a", "steel,0,none,g1,a", ",,,g2,a"]
    write_labelled_pictures(tmp_path, rows)
    assert run(show, DEFAULT_BUNDLE, tmp_path, "--out", tmp_path / "sheet.jpg", "--cell", 96) == 0
    printed = capsys.readouterr().out
    lines = {line.split()[0].rpartition("/")[2]: line for line in printed.splitlines()[2:5]}
    assert "corroded steel late" in lines["0.png"]
    assert "uncorroded steel" in lines["1.png"]
    assert "not known" in lines["2.png"]


def test_the_truth_may_stand_in_the_names_of_folders(tmp_path):
    """Folders called after classes tell the truth; other folders, and bare pictures, tell none."""
    for name in ("corroded steel", "uncorroded", "hall-7"):
        (tmp_path / "sets" / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "sets" / name / "p.png"), np.full((20, 20, 3), 90, np.uint8))
    engine = Engine(load_bundle(DEFAULT_BUNDLE), threads=1)
    truths = show.read_truths(tmp_path / "sets")
    told = {
        path.parent.name: show.show_picture(engine, path, sample, 64).truth for path, sample in truths.items()
    }
    assert told == {"corroded steel": "corroded steel", "uncorroded": "uncorroded", "hall-7": ""}
    assert show.read_truths(tmp_path / "sets" / "hall-7") == {}
