"""``converter show``: a contact sheet of pictures with what a bundle says of each."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from converter.cli import show
from edge_node.errors import ConversionError
from edge_node.inference.bundle import DEFAULT_BUNDLE
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
