"""What the spool counts, for as long as its file lives: numbers given, rows given up. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_node.messages.topics import Kind
    from edge_node.spool.transaction import Dropped


class Counters:
    """``seq:KIND`` is the number given last; ``dropped:KIND:KEEP`` and ``refused`` are rows given up.

    Not thread-safe.
    """

    def __init__(self, values: dict[str, int]) -> None:
        self._values = values

    @property
    def refused(self) -> int:
        """Rows given up because the disk could not be written."""
        return self._values.get("refused", 0)

    @property
    def dropped(self) -> int:
        """Rows given up because the disk's bound was reached."""
        return sum(n for name, n in self._values.items() if name.startswith("dropped:"))

    def next_seq(self, kind: Kind) -> int:
        """Return the number that comes next; it is given only by ``gave``."""
        return self._values.get(f"seq:{kind.value}", 0) + 1

    def gave(self, kind: Kind, seq: int) -> None:
        """Note that a row has the number."""
        self._values[f"seq:{kind.value}"] = seq

    def refuse(self) -> None:
        """Note that a row was given up because the disk could not be written."""
        self._values["refused"] = self.refused + 1

    def drop(self, rows: Iterable[Dropped]) -> None:
        """Note that rows were given up for the bound on the disk."""
        for row in rows:
            name = f"dropped:{row.kind.value}:{row.keep.name.lower()}"
            self._values[name] = self._values.get(name, 0) + 1

    def lasting(self) -> dict[str, int]:
        """Return what is written down when it changes; numbers are written with their rows."""
        return {name: n for name, n in self._values.items() if not name.startswith("seq:")}

    def all(self) -> dict[str, int]:
        """Return everything."""
        return dict(self._values)
