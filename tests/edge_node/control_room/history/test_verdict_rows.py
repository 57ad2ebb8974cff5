"""The columns by which a verdict is searched."""

from __future__ import annotations

from edge_node.control_room.history.verdict_rows import MAX_COLUMN, NewVerdict, make_row, measure_ahead
from tests.support.verdicts import verdict


def test_a_long_text_is_searched_by_its_beginning() -> None:
    """The message itself is stored whole; how far a clock is ahead is told of fresh verdicts alone."""
    made = verdict(3, "C", asset="p" * 900)
    fresh = NewVerdict(made, b"", b"hash", 0, replayed=False)
    row = make_row(fresh, 7, 8)
    assert (row["robot_key"], row["epoch_key"], row["seq"], row["asset"]) == (7, 8, 3, "p" * MAX_COLUMN)
    assert measure_ahead(fresh) == row["observed_us"]
    assert measure_ahead(fresh._replace(replayed=True)) is None
