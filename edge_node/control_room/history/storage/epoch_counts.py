"""Count the missing numbers of epochs from their ranges, and give each epoch its row of counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import case, exists, func, insert, literal_column, select, update

from edge_node.control_room.history.storage.dialect import larger
from edge_node.control_room.history.storage.tables import NUMBER, arrived, epoch, epoch_state

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ZERO, _ONE = literal_column("0", NUMBER), literal_column("1", NUMBER)
_HIGHEST = larger(func.coalesce(func.max(arrived.c.last_seq), _ZERO), epoch_state.c.named_seq)
_LOWEST = case(
    (epoch_state.c.from_start != _ZERO, _ONE),
    else_=func.coalesce(func.min(arrived.c.first_seq), epoch_state.c.named_seq + _ONE),
)
_RECEIVED = func.coalesce(func.sum(arrived.c.last_seq - arrived.c.first_seq + _ONE), _ZERO)
MISSING = (
    select(larger(_ZERO, _HIGHEST - _LOWEST + _ONE - _RECEIVED))
    .where(arrived.c.epoch_key == epoch_state.c.epoch_key)
    .correlate(epoch_state)
    .scalar_subquery()
)
# Sets the missing numbers of epochs, up to their ends where those were named.
COUNT_MISSING = update(epoch_state).values(missing=MISSING)
_FILL = insert(epoch_state).from_select(
    ["epoch_key", "robot_key", "from_start"],
    select(epoch.c.epoch_key, epoch.c.robot_key, _ZERO).where(
        ~exists().where(epoch_state.c.epoch_key == epoch.c.epoch_key)
    ),
    include_defaults=False,
)


def fill_counts(connection: Connection) -> None:
    """Give each epoch its counts: an older program, which keeps none, may have gone on with the file."""
    connection.execute(_FILL)
    connection.execute(COUNT_MISSING)
