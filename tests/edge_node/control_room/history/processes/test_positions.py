"""Keys that appear late are read, and those that never appear are not looked for for ever."""

from __future__ import annotations

from edge_node.control_room.history.processes.positions import PATIENCE_S, Positions


def test_a_key_that_is_committed_late_is_looked_for_until_it_is_read() -> None:
    """Passing over 3 to 5 leaves a hole; reading 4 leaves two of one key each."""
    positions = Positions(2)
    positions.note([6, 7])
    assert (positions.newest, positions.holes) == (7, [(3, 5)])
    positions.note([4])
    assert positions.holes == [(3, 3), (5, 5)]
    positions.note([3, 5])
    assert positions.holes == []


def test_a_transaction_that_was_rolled_back_is_given_up() -> None:
    """Its keys never appear: after the longest transaction nobody asks for them."""
    now_s = [0.0]
    positions = Positions(0, lambda: now_s[0])
    positions.note([5])
    now_s[0] = PATIENCE_S - 0.1
    assert positions.holes == [(1, 4)]
    now_s[0] = PATIENCE_S
    assert positions.holes == []


def test_a_known_key_changes_nothing() -> None:
    """A row that is read twice is no hole."""
    positions = Positions(0)
    positions.note([1, 2])
    positions.note([2, 1])
    assert (positions.newest, positions.holes) == (2, [])
