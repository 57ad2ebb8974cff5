"""Pages from templates: a name in one that has no value is an error."""

from __future__ import annotations

import jinja2
import pytest

from converter.page_template import find_filled_columns, render_page, summarise_crossover


@pytest.mark.parametrize("name", ["evaluation.html", "study.html"])
def test_a_name_without_a_value_is_an_error(name: str) -> None:
    """A page with a hole in it would look whole."""
    with pytest.raises(jinja2.UndefinedError):
        render_page(name)


def test_a_column_is_empty_where_no_row_says_anything():
    """Dashes say nothing; one value keeps the column."""
    rows = [["a", "", "-", "1"], ["b", " ", "\N{EN DASH}", ""]]
    assert find_filled_columns(["name", "x", "y", "z"], rows) == [0, 3]


def test_many_labels_are_summarised_a_line_each():
    """Pictures, the share that is right, and what is said most often instead."""
    crossover = {
        "a": {"a": 3, "b": 1, "c": 0},
        "b": {"a": 0, "b": 2, "c": 0},
        "c": {"a": 0, "b": 0, "c": 0},
    }
    heads, rows = summarise_crossover(crossover)
    assert heads == ["label", "pictures", "right", "most often called instead"]
    assert rows == [["a", "4", "75\xa0%", "b (1)"], ["b", "2", "100\xa0%", ""], ["c", "0", "", ""]]
