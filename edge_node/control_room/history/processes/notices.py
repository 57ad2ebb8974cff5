"""Wake the processes that share a history, and wait to be woken: LISTEN and NOTIFY of PostgreSQL."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, bindparam, func, select

if TYPE_CHECKING:
    import threading

    from edge_node.control_room.history.database import Database

CHANNEL = "corrosion_room"
_ALONE_S = 1.0  # between looks at a database that wakes nobody

_log = logging.getLogger(__name__)
_NOTIFY = select(func.pg_notify(bindparam("channel", type_=Text), bindparam("said", type_=Text)))


def notify(database: Database) -> None:
    """Wake those who listen, once the open transaction is committed."""
    if database.is_shared:
        database.peek(_NOTIFY, {"channel": CHANNEL, "said": ""})


class Listener:
    """Waits for notices on a connection of its own; belongs to one thread."""

    def __init__(self, database: Database) -> None:
        """Prepare; the first ``wait`` connects."""
        self._database = database
        self._connection: Any = None

    def wait(self, timeout_s: float, ended: threading.Event) -> None:
        """Return at a notice, after ``timeout_s``, or soon after ``ended`` is set.

        A connection that broke is made anew by the next call, and this one returns at once: what was told
        meanwhile has to be looked for.
        """
        if not self._database.is_shared:
            ended.wait(min(timeout_s, _ALONE_S))
            return
        try:
            if self._connection is None:
                backend: Any = self._database.backend  # PostgreSQL's: no other is shared
                self._connection = backend.open_listener()
                self._connection.execute(f"LISTEN {CHANNEL}")
                return  # what was told before has to be looked for
            for _ in self._connection.notifies(timeout=timeout_s, stop_after=1):
                return
        except Exception as err:  # noqa: BLE001  of the driver, whichever: pages go on by looking
            _log.debug("no notices: %s", err)
            self.close()
            ended.wait(_ALONE_S)

    def close(self) -> None:
        """Close the connection; never raises."""
        if self._connection is not None:
            self._database.backend.close_connection(self._connection)
        self._connection = None
