"""Say what the history needs of a database beyond statements: connections, locks, sizes, words of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Executable

    from edge_node.control_room.history.storage.picture_files import PictureFiles
    from edge_node.control_room.history.storage.prepared import Prepared, Preparer


class DatabaseUnusableError(Exception):
    """A database is no history, or one of a version that this program does not know; the text says so."""


class PartitionInUseError(Exception):
    """Somebody reads a partition for long that is to be dropped, as a backup does."""


class Backend(Protocol):
    """A database of one kind, at one place.

    Attributes:
        name: by which messages call it.
        errors: what its driver and SQLAlchemy raise.
        is_shared: other processes may write into it at the same time.
        preparer: compiles statements for it.
        pictures: where the contents of pictures lie; None where they are in the rows.
        lacking: columns that the large table of an older file lacks.
    """

    name: str
    errors: tuple[type[Exception], ...]
    is_shared: bool
    preparer: Preparer
    pictures: PictureFiles | None
    lacking: frozenset[str]

    def open_writer(self) -> Any:
        """Return the driver's connection that writes, after the tables are this version's."""

    def reopen_writer(self) -> Any:
        """Return a new connection that writes, after the one before has ended."""

    def claim(self, writer: Any, *, alone: bool, wait_s: float) -> None:
        """Keep other rooms from storing here; raises DatabaseUnusableError where one does."""

    def open_reader(self, *, read_only: bool) -> Any:
        """Return a connection of the driver that only reads; ``read_only`` if there is no writer."""

    def close_connection(self, connection: Any) -> None:
        """Close a connection that was opened here; never raises."""

    def close(self) -> None:
        """Close all connections; never raises."""

    def check_place(self) -> None:
        """Raise DatabaseUnusableError if what is written now would be lost at the end."""

    def begin(self, writer: Any, robots: Sequence[tuple[str, str]] | None) -> None:
        """Begin a transaction that writes: alone in the room, or beside those of other robots."""

    def prepare_insert(self, statement: Executable) -> Prepared:
        """Return an INSERT such that ``read_new_key`` finds the row's key."""

    def read_new_key(self, cursor: Any) -> int:
        """Return the key that the row of an INSERT was given."""

    def write_all(self, writer: Any, statement: Executable, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement once for each of ``rows``."""

    def read_each(
        self, reader: Any, query: Executable, rows: Sequence[Mapping[str, Any]]
    ) -> list[list[tuple[Any, ...]]]:
        """Return the rows of a query for each of ``rows``."""

    def ensure_partition(self, writer: Any, received_us: int) -> None:
        """Make room for verdicts of a time, in the open transaction."""

    def drop_partitions(self, writer: Any, last: int) -> None:
        """Drop the partitions with no position beyond ``last``; raises PartitionInUseError."""

    def find_edge(self, before_us: int) -> int:
        """Return the beginning of the partition in which a time lies; the time where there are none."""

    def notify(self, writer: Any, channel: str, text: str) -> None:
        """Tell those who listen, once the open transaction is committed."""

    def read_used_bytes(self, reader: Any) -> int:
        """Return what the history takes on the disk."""

    def compact(self, writer: Any) -> bool:
        """Write the history anew without free room; False where that cannot be."""

    def is_lost(self, connection: Any) -> bool:
        """Tell whether a connection has ended, so that a new one is needed."""

    def is_refused_value(self, error: BaseException) -> bool:
        """Tell whether an error is of a value that the database takes in no row."""

    def is_contended(self, error: BaseException) -> bool:
        """Tell whether an error is of two transactions that wait for each other: run it again."""

    def give_advice(self, error: BaseException) -> str:
        """Return what else a person should know of an error; "" if nothing."""
