"""Statements are compiled once, and their values bound by name."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.sqlite import dialect

from edge_node.control_room.history.storage.prepared import MAX_KEPT, Preparer
from edge_node.control_room.history.storage.tables import robot

BY_SITE = select(robot.c.robot).where(robot.c.site == bindparam("site"), robot.c.verdicts > 7)


def test_values_take_their_places_by_name() -> None:
    """With those that the statement has itself; a missing one is a fault of the program."""
    prepared = Preparer(dialect(paramstyle="qmark")).prepare(BY_SITE)
    assert prepared.text.count("?") == 2
    assert prepared.bind({"site": "quay", "other": 1}) == ["quay", 7]
    with pytest.raises(KeyError, match="site"):
        prepared.bind({})


def test_a_statement_is_compiled_once() -> None:
    """And whoever makes a new one each time fills no memory."""
    preparer = Preparer(dialect())
    first = preparer.prepare(BY_SITE)
    assert preparer.prepare(BY_SITE) is first
    for number in range(MAX_KEPT + 1):
        preparer.prepare(select(robot.c.robot).limit(number)) if number % 100 == 0 else None
    assert preparer.prepare(BY_SITE) == first


def test_a_list_of_values_is_refused() -> None:
    """Its length is known only with the values: it would be compiled anew each time."""
    with pytest.raises(ValueError, match="bind each value"):
        Preparer(dialect()).prepare(select(robot.c.robot).where(robot.c.site.in_(["a", "b"])))
