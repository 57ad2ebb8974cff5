"""Keep the names of robots that wait until a person admits them, with counts, and what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, delete, insert, literal_column, select, update

from edge_node.control_room.history.storage.dialect import insert_or_update
from edge_node.control_room.history.storage.tables import quarantine, robot

if TYPE_CHECKING:
    from edge_node.control_room.history.shares.store import Store

WAITING, ADMITTED, REFUSED = "waiting", "admitted", "refused"
MAX_WAITING = 1000  # robots; the one that was silent longest goes, and waits again when it is heard

_WAITS = quarantine.c.state == literal_column(f"'{WAITING}'")
_IS_NAMED = (quarantine.c.site == bindparam("of_site"), quarantine.c.robot == bindparam("of_robot"))
_COUNT = (
    update(quarantine)
    .where(*_IS_NAMED)
    .values(messages=quarantine.c.messages + bindparam("more"), last_heard_us=bindparam("at"))
)
_ADD = insert(quarantine).values(
    site=bindparam("of_site"),
    robot=bindparam("of_robot"),
    first_heard_us=bindparam("at"),
    last_heard_us=bindparam("at"),
    messages=bindparam("more"),
)
_DROP_SILENT = delete(quarantine).where(
    quarantine.c.quarantine_key.in_(
        select(quarantine.c.quarantine_key)
        .where(_WAITS)
        .order_by(quarantine.c.last_heard_us.desc(), quarantine.c.quarantine_key.desc())
        .offset(bindparam("kept", type_=Integer))
    )
)
_DECIDE = insert_or_update(
    quarantine, (quarantine.c.site, quarantine.c.robot), ("state", "decided_us", "decided_by")
).values(
    {
        name: bindparam(name)
        for name in ("site", "robot", "first_heard_us", "last_heard_us", "state", "decided_us", "decided_by")
    }
)
_COLUMNS = (
    *("site", "robot", "first_heard_us", "last_heard_us", "messages", "state", "decided_us", "decided_by"),
)
_ALL = select(*(quarantine.c[name] for name in _COLUMNS)).order_by(
    _WAITS.desc(), quarantine.c.site, quarantine.c.robot
)
_STATES = select(quarantine.c.site, quarantine.c.robot, quarantine.c.state)
_ROBOTS = select(robot.c.site, robot.c.robot)


def note_waiting(store: Store, site: str, name: str, messages: int, at_us: int) -> None:
    """Count messages of a robot that waits or is refused; make room for it among those that wait."""
    values = {"of_site": site, "of_robot": name, "more": messages, "at": at_us}
    with store.transaction():
        if not store.write(_COUNT, values):
            store.write(_ADD, values)
            store.write(_DROP_SILENT, {"kept": MAX_WAITING})


def decide(store: Store, named: tuple[str, str], state: str, by: str, now_us: int) -> None:
    """Admit or refuse a robot by its site and name, also one that was not heard yet."""
    times = dict.fromkeys(("first_heard_us", "last_heard_us", "decided_us"), now_us)
    site, name = named
    store.write(_DECIDE, {"site": site, "robot": name, "state": state, "decided_by": by, **times})


def select_all(store: Store) -> list[tuple[Any, ...]]:
    """Return all rows: site, robot, first and last heard, messages, state, when it was decided, by whom."""
    return store.rows(_ALL)


def select_states(store: Store) -> dict[tuple[str, str], str]:
    """Return what is decided of each robot, by site and name."""
    return {(site, name): state for site, name, state in store.rows(_STATES)}


def select_known(store: Store) -> set[tuple[str, str]]:
    """Return site and name of all robots of which the history holds something, retired ones too."""
    return {(site, name) for site, name in store.rows(_ROBOTS)}
