"""Roles and persons."""

from __future__ import annotations

from edge_node.control_room.people.roles import Origin, Person, Role


def test_each_role_may_what_those_before_it_may() -> None:
    """A viewer looks, a reviewer also reviews, an operator also commands, an admin may everything."""
    order = [Role.VIEWER, Role.REVIEWER, Role.OPERATOR, Role.ADMIN]
    assert [[role.allows(needed) for needed in order] for role in order] == [
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
        [True, True, True, True],
    ]
    assert not Person("ada", Role.VIEWER, Origin.LOGIN, "").may(Role.REVIEWER)


def test_only_some_origins_name_a_person() -> None:
    """Whoever is on the loopback, or has the token of all, is nobody by name."""
    assert [origin for origin in Origin if not origin.is_named] == [Origin.LOOPBACK, Origin.SHARED_TOKEN]
