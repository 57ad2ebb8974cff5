"""Ages of rows over steps of the wall clock and restarts."""

from __future__ import annotations

import pytest

from edge_node.spool.row_age import RowAge

YEAR_S = 400 * 86_400.0


class Clock:
    """A wall clock and a monotonic one that a test sets."""

    wall_s = 1_800_000_000.0
    monotonic_s = 50.0


@pytest.mark.parametrize("step_s", [1.0, -1.0, 3600.0, -3600.0, YEAR_S, -YEAR_S, -1_800_000_000.0])
def test_a_step_of_the_clock_makes_no_row_older_than_the_process_or_younger_than_nothing(step_s):
    """Rows from before count to the start by their date; from then on time passes evenly."""
    clock = Clock()
    age = RowAge(10, lambda: clock.wall_s, lambda: clock.monotonic_s)
    before, later = (10, clock.wall_s - 60.0), (11, clock.wall_s)
    clock.wall_s += 100.0 + step_s
    clock.monotonic_s += 100.0
    assert age.age_s(before) == 160.0
    assert 0.0 <= age.age_s(later) <= 100.0
    assert age.age_s((9, clock.wall_s + YEAR_S)) >= 100.0
    assert age.age_s(None) is None
