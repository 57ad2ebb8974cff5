"""Tables as text: aligned columns, and nothing at the ends of lines."""

from __future__ import annotations

from converter.text_table import format_crossover, format_markdown, format_table


def test_the_first_column_is_aligned_left_and_the_others_right() -> None:
    """As wide as the widest cell of each column, heads included; no line ends with spaces."""
    assert format_table(["name", "n"], [["a", "10000"], ["longer", ""]]) == [
        "name        n",
        "a       10000",
        "longer",
    ]


def test_a_crossover_has_the_truth_in_rows_and_what_was_said_in_columns() -> None:
    """Columns come in the order of the counts."""
    counts = {"steel": {"steel": 9, "-": 1}, "aluminium": {"steel": 0, "-": 12}}
    assert format_crossover(counts) == [
        "truth \\ said  steel   -",
        "steel             9   1",
        "aluminium         0  12",
    ]


def test_markdown_holds_any_cell():
    """A line of heads, a rule and a line a row; bars and line ends in cells do not break it."""
    assert format_markdown(["a", "b"], [["x|y", "two\nlines"]]) == [
        "| a | b |",
        "| --- | --- |",
        "| x\\|y | two lines |",
    ]
