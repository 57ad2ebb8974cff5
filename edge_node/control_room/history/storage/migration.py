"""Give a new file this version's tables, and bring a file of an older version to them, in one transaction.

The steps are the modules of ``versions``, in the order of their numbers. A file's table ``alembic_version``
tells which it has seen; files of before 0.9.0 have no such table, and the tables of 0.5.0 at least.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    bindparam,
    insert,
    inspect,
    select,
)
from sqlalchemy.schema import CreateIndex, CreateTable

# Each adds its tables to the metadata.
from edge_node.control_room.history.storage import alert_tables, process_tables  # noqa: F401
from edge_node.control_room.history.storage.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Dialect
    from sqlalchemy.schema import ExecutableDDLElement

_VERSIONS = Path(__file__).parent / "versions"

# As Alembic makes it.
REVISION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def find_newest() -> str:
    """Return the number of the last step that this program knows."""
    return max(path.stem[1:5] for path in _VERSIONS.glob("r[0-9]*.py"))


def read_revision(connection: Connection) -> str | None:
    """Return the number of the last step that a file has seen; None before there were numbers."""
    if not inspect(connection).has_table(REVISION.name):
        return None
    return connection.execute(select(REVISION.c.version_num)).scalar()


def make_tables(connection: Connection, statements: Iterable[str]) -> None:
    """Make all tables in an empty database, in the open transaction; it has no step to see."""
    for statement in statements:
        connection.exec_driver_sql(statement)
    connection.execute(insert(REVISION).values(version_num=bindparam("newest")), {"newest": find_newest()})


def list_statements(dialect: Dialect, tables: Iterable[Table] = metadata.sorted_tables) -> list[str]:
    """Return the statements that make tables with their indexes, and the one that holds the last step."""
    tables = [*tables, REVISION]
    made: list[ExecutableDDLElement] = [CreateTable(table) for table in tables]
    for table in tables:
        made += [CreateIndex(index) for index in sorted(table.indexes, key=lambda one: str(one.name))]
    return [str(statement.compile(dialect=dialect)) for statement in made]


def upgrade(connection: Connection) -> None:
    """Run the steps that a file has not seen, in the open transaction; none if it is of a newer program."""
    known = read_revision(connection)
    if known is not None and known >= find_newest():
        return
    # Loading Alembic takes 0.2 s, and most starts have nothing to upgrade.
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    steps = ScriptDirectory(_VERSIONS.parent, version_locations=[_VERSIONS])
    context = MigrationContext.configure(connection)
    with Operations.context(context):
        for step in reversed(list(steps.iterate_revisions("head", known or "base"))):
            step.module.upgrade()
            context.stamp(steps, step.revision)
