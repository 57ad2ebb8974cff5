"""Give rows their positions, and know without an index where rows of each kind and worth can be.

An index is a page more to write for every row that is inserted or deleted. Rows are only ever added behind
all others, so it is enough to know the newest position of each kind, and up to where the rows of each worth
were given up already. The functions run statements in the caller's transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from edge_node.spool.rows import Keep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from edge_node.messages.topics import Kind
    from edge_node.spool.rows import NewRow

    Execute: TypeAlias = Callable[[str, Sequence[Any]], Any]

TAKEN_AT_ONCE = 1000  # positions; the file says what is taken, so that none is used twice after a kill
_WORST_ROWS = 16  # at a time: about 20 kB


class Positions:
    """What is known of the positions in one file; used by the thread that writes it.

    Attributes:
        last: position that was used.
        found: number of rows that were there already.
    """

    def __init__(self, execute: Execute) -> None:
        """Look through the whole file once."""
        self.last = self.found = self._taken = self._looked_up_to = 0
        self._newest_of_kind: dict[str, int] = {}
        self._newest_of_keep: dict[int, int] = {}
        self._given_up: dict[int, int] = {}
        self.look(execute)

    def look(self, execute: Execute) -> None:
        """Take notice of rows that another program has added, or a salvage."""
        self._taken = _read_taken(execute)
        found = execute(
            "SELECT kind, keep, max(position), count(*) FROM message WHERE position > ? GROUP BY kind, keep",
            (self._looked_up_to,),
        )
        for kind, keep, position, count in found.fetchall():
            self._note(kind, keep, position)
            self.found += count
        self.last = max(self.last, self._taken)
        self._looked_up_to = self.last

    def take(self, execute: Execute, rows: Sequence[NewRow]) -> range:
        """Return a position behind all others for each of ``rows``."""
        if _read_taken(execute) != self._taken:  # others added rows, or a transaction of ours came to nothing
            self.look(execute)
        positions = range(self.last + 1, self.last + 1 + len(rows))
        self.last = self._looked_up_to = positions.stop - 1
        if self.last > self._taken:
            self._taken = self.last + TAKEN_AT_ONCE
            put_taken(execute, self._taken)
        for row, position in zip(rows, positions, strict=True):
            self._note(row.kind.value, row.keep, position)
        return positions

    def may_follow(self, kind: Kind, after: int) -> bool:
        """Tell whether a row of ``kind`` can be behind the position ``after``; any thread may ask."""
        return self._newest_of_kind.get(kind.value, 0) > after

    def take_worst(self, execute: Execute, at_most: Keep) -> list[tuple[int, str, int]]:
        """Return position, kind and worth of the oldest of the rows least worth keeping, to be deleted now.

        A search goes on where the last one for the same worth ended, so that no row is looked at twice.
        """
        for keep in Keep:
            newest, begin = self._newest_of_keep.get(keep, 0), self._given_up.get(keep, 0)
            if keep > at_most or begin >= newest:
                continue
            found: list[tuple[int, str, int]] = execute(
                "SELECT position, kind, keep FROM message WHERE position > ? AND keep = ?"
                " ORDER BY position LIMIT ?",
                (begin, int(keep), _WORST_ROWS),
            ).fetchall()
            self._given_up[keep] = found[-1][0] if found else newest
            if found:
                return found
        return []

    def undo(self) -> None:
        """Note that a transaction came to nothing: what ``take_worst`` returned was not deleted."""
        self._given_up.clear()

    def _note(self, kind: str, keep: int, position: int) -> None:
        self._newest_of_kind[kind] = max(position, self._newest_of_kind.get(kind, 0))
        self._newest_of_keep[keep] = max(position, self._newest_of_keep.get(keep, 0))


def put_taken(execute: Execute, last: int) -> None:
    """Write that all positions up to ``last`` are taken, as SQLite's AUTOINCREMENT does."""
    if not execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'message'", (last,)).rowcount:
        execute("INSERT INTO sqlite_sequence VALUES ('message', ?)", (last,))


def _read_taken(execute: Execute) -> int:
    found: Iterable[Any] | None = execute(
        "SELECT seq FROM sqlite_sequence WHERE name = 'message'", ()
    ).fetchone()
    return int(next(iter(found))) if found else 0
