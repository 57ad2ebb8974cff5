"""Cells that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import pytest

from edge_node.control_room.comparison.csv_cells import render_csv


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＠x"])  # noqa: RUF001
def test_a_text_is_never_a_formula(text):
    """An apostrophe stands before it; numbers and other texts stay as they are."""
    (row,) = csv.DictReader(io.StringIO(render_csv(("a", "b", "c"), [{"a": text, "b": -1.5}]), newline=""))
    assert row == {"a": f"'{text}".replace("\r", "\n"), "b": "-1.5", "c": ""}


def test_a_text_never_begins_a_row_of_its_own():
    """Whatever ends its lines; a reader that splits at carriage returns finds two rows too."""
    text = render_csv(("a", "b"), [{"a": "x\r=1+1", "b": "y\r\n=2"}])
    assert "\r" not in text
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row == {"a": "x\n=1+1", "b": "y\n=2"}
