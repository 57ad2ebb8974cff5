"""The ids of accepted commands, in a database of their own."""

from __future__ import annotations

import sqlite3

from edge_node.spool import nonces
from edge_node.spool.rows import MAX_NONCES
from edge_node.spool.schema import SCHEMA


def test_the_floor_of_time_and_the_bound_say_what_is_forgotten() -> None:
    """Ids that expired before the floor go; beyond the bound the first to expire go; others stay."""
    database = sqlite3.connect(":memory:")
    database.executescript(SCHEMA)
    nonces.put(database.execute, [("old", 10.0), ("new", 30.0)], 0.0)
    nonces.put(database.execute, [("newer", 40.0)], 20.0)
    assert dict(database.execute(nonces.SELECT)) == {"new": 30.0, "newer": 40.0}
    nonces.put(database.execute, [(f"n{number}", 100.0 + number) for number in range(MAX_NONCES)], 20.0)
    kept = dict(database.execute(nonces.SELECT))
    assert len(kept) == MAX_NONCES
    assert "newer" not in kept
    assert f"n{MAX_NONCES - 1}" in kept
