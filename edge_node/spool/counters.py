"""Count the sequence numbers of an epoch, and the rows lost in the life of the spool's file. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_node.messages.topics import Kind
    from edge_node.spool.transaction import Dropped


class Counters:
    """Count by name: ``seq:KIND`` is the last number; ``dropped:KIND:KEEP`` and ``refused`` are lost rows.

    Not thread-safe.
    """

    def __init__(self, values: dict[str, int]) -> None:
        self._values = values

    @property
    def refused(self) -> int:
        """Number of rows lost because the disk could not be written."""
        return self._values.get("refused", 0)

    @property
    def dropped(self) -> int:
        """Number of rows dropped because the bound on disk was reached."""
        return sum(n for name, n in self._values.items() if name.startswith("dropped:"))

    def next_seq(self, kind: Kind) -> int:
        """Return the next number; only ``gave`` uses it up."""
        return self._values.get(f"seq:{kind.value}", 0) + 1

    def gave(self, kind: Kind, seq: int) -> None:
        """Record that a row has the number ``seq``."""
        self._values[f"seq:{kind.value}"] = seq

    def refuse(self) -> None:
        """Count a row that was lost because the disk could not be written."""
        self._values["refused"] = self.refused + 1

    def drop(self, rows: Iterable[Dropped]) -> None:
        """Count rows that were dropped because the bound on disk was reached."""
        for row in rows:
            self._values[row.counter] = self._values.get(row.counter, 0) + 1

    def lasting(self) -> dict[str, int]:
        """Return the counts of lost rows; numbers end with their epoch."""
        return {name: n for name, n in self._values.items() if not name.startswith("seq:")}
