"""Pages from templates: a name in one that has no value is an error."""

from __future__ import annotations

import jinja2
import pytest

from converter.page_template import render_page


@pytest.mark.parametrize("name", ["evaluation.html", "study.html"])
def test_a_name_without_a_value_is_an_error(name: str) -> None:
    """A page with a hole in it would look whole."""
    with pytest.raises(jinja2.UndefinedError):
        render_page(name)
