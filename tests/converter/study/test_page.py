"""The page of a study: a column for each architecture, and its plot."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from converter.evaluation.metrics import Interval
from converter.study.figures import (
    SPECIMEN,
    Predictions,
    measure_model,
)
from converter.study.models import (
    FOUR_CLASSES,
    TITLES,
)
from converter.study.page import make_plot, render_study
from converter.study.text import format_study
from tests.support.studies import make_study


def test_several_architectures_stand_side_by_side():
    """With two architectures there is a table with a column for each, as text and on the page."""
    groups = np.array(list("abcd"))
    one = measure_model(
        Predictions(TITLES["binary"], ("corroded", "uncorroded"), np.arange(4) % 2, np.arange(4) % 2),
        groups,
        SPECIMEN,
    )
    rows = tuple(msgspec.structs.replace(one, architecture=name) for name in ("net<1>", "net2"))
    found = make_study([], groups, rows=rows, comparisons=())
    assert "Architectures" in "\n".join(format_study(found))
    html = render_study(found).decode()
    assert "<th>net&lt;1&gt;</th><th>net2</th>" in html
    assert "net<1>" not in html


def test_marks_of_the_plot_stand_where_their_accuracy_is():
    """The axis ends at 100 % and begins at a ten below everything that is drawn."""
    groups = np.array(list("abcde"))
    answered = Predictions(TITLES["four"], FOUR_CLASSES, np.zeros(5, np.intp), np.array([0, 0, 0, 0, 1]))
    one = msgspec.structs.replace(measure_model(answered, groups, SPECIMEN), accuracy=Interval(0.8, 0.6, 1.0))
    drawn = make_plot([one])
    assert drawn.low == pytest.approx(0.6)
    assert [label for label, _ in drawn.ticks] == ["60 %", "70 %", "80 %", "90 %", "100 %"]
    ((_, _, (mark, of_thesis)),) = drawn.lines
    assert (mark.low, mark.at, mark.high) == (0, 50, 100)
    assert of_thesis.at == 50  # 80 %
