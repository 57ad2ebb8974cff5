"""The tables of the history as PostgreSQL has them: verdicts in partitions, received numbers as multiranges.

Verdicts are partitioned by when the room received them, not by when a robot says that it observed them: that
is how they age, and no robot's clock chooses the partition. The database makes a week's partition with its
first verdict, whatever the year, and retention drops it whole.

A unique constraint over partitions would have to contain the time, and then stop no verdict that is delivered
again after the week has ended. What stops it is ``arrived_numbers``: one row an epoch, with the set of the
numbers that came, which is read and extended while the robot's row is locked. Within a week the partition's
own unique index says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, LargeBinary, MetaData, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateSequence, CreateTable, Sequence

from edge_node.control_room.history.storage import tables
from edge_node.control_room.history.storage.migration import REVISION
from edge_node.control_room.history.storage.tables import NUMBER, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.schema import ExecutableDDLElement

WEEK_US = 7 * 86_400_000_000
_PREFIX = "verdict_week_"
_MOST_WEEKS = 15_000_000  # from the epoch: any 64-bit number of microseconds has a partition
# A payload goes beside the row, to where PostgreSQL keeps large values, so that searches read narrow rows.
_WIDE_BYTES = 400

# What a schema holds: whether it is empty or a control room's, of which version, how much.
LOOK = """
    SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = current_schema()::regnamespace),
    to_regclass('room_mark') IS NOT NULL"""
READ_VERSIONS = "SELECT version, version_num FROM room_mark, alembic_version"
PARTITIONS = """
    SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = to_regclass('verdict')"""
USED_BYTES = """
    SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"""

_own = MetaData()
arrived_numbers = Table(
    "arrived_numbers",
    _own,
    Column("epoch_key", NUMBER, primary_key=True, autoincrement=False),
    Column("numbers", postgresql.INT8MULTIRANGE, nullable=False),
)
# Marks the schema as a control room's, with the version of the tables.
room_mark = Table("room_mark", _own, Column("version", NUMBER, primary_key=True, autoincrement=False))
_position = Sequence("verdict_position")


def _make_verdict() -> Table:
    """Return the table of verdicts with the payload in the row, and without a key over all partitions."""
    columns = [
        Column(
            column.name,
            column.type,
            nullable=column.nullable,
            server_default=_position.next_value() if column.name == "position" else column.server_default,
        )
        for column in tables.verdict.c
    ]
    return Table(
        "verdict",
        MetaData(),
        *columns,
        Column("payload", LargeBinary),
        postgresql_partition_by="RANGE (received_us)",
    )


verdict_with_payload = _make_verdict()
_VIEWS = (
    """CREATE VIEW verdict_message AS SELECT position, payload FROM verdict""",
    """CREATE RULE verdict_message_insert AS ON INSERT TO verdict_message
    DO INSTEAD UPDATE verdict SET payload = NEW.payload WHERE position = NEW.position""",
    """CREATE RULE verdict_message_delete AS ON DELETE TO verdict_message DO INSTEAD NOTHING""",
    """CREATE VIEW arrived AS
    SELECT epoch_key, lower(span) AS first_seq, upper(span) - 1 AS last_seq
    FROM arrived_numbers, unnest(numbers) AS span""",
    """CREATE FUNCTION change_arrived() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP IN ('DELETE', 'UPDATE') THEN
            UPDATE arrived_numbers
            SET numbers = numbers - int8multirange(int8range(OLD.first_seq, OLD.last_seq, '[]'))
            WHERE epoch_key = OLD.epoch_key;
            DELETE FROM arrived_numbers WHERE epoch_key = OLD.epoch_key AND isempty(numbers);
        END IF;
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        INSERT INTO arrived_numbers AS known
        VALUES (NEW.epoch_key, int8multirange(int8range(NEW.first_seq, NEW.last_seq, '[]')))
        ON CONFLICT (epoch_key) DO UPDATE SET numbers = known.numbers + EXCLUDED.numbers;
        RETURN NEW;
    END $$""",
    """CREATE TRIGGER arrived_changed INSTEAD OF INSERT OR UPDATE OR DELETE ON arrived
    FOR EACH ROW EXECUTE FUNCTION change_arrived()""",
)


def list_statements() -> list[str]:
    """Return the statements that make all tables, views and indexes in an empty schema."""
    apart = (tables.verdict, tables.arrived, tables.verdict_message)
    plain = [table for table in metadata.sorted_tables if table not in apart]
    plain += [arrived_numbers, room_mark, REVISION]
    made: list[ExecutableDDLElement] = [CreateSequence(_position), CreateTable(verdict_with_payload)]
    made += [CreateTable(table) for table in plain]
    for table in [tables.verdict, *plain]:
        indexes = [index for index in table.indexes if not (table is tables.verdict and index.unique)]
        made += [CreateIndex(index) for index in sorted(indexes, key=lambda one: str(one.name))]
    dialect: Any = postgresql.dialect()  # type: ignore[no-untyped-call]
    return [*(str(statement.compile(dialect=dialect)) for statement in made), *_VIEWS]


def find_week(received_us: int) -> int:
    """Return the number of the week, from 1970, in which a time lies; the first and last hold all beyond."""
    return min(max(received_us // WEEK_US, -_MOST_WEEKS), _MOST_WEEKS)


def name_partition(week: int) -> str:
    """Return the name of a week's partition."""
    return f"{_PREFIX}{'before_' if week < 0 else ''}{abs(week)}"


def is_partition(name: str) -> bool:
    """Tell whether a table is a partition of the verdicts."""
    return name.startswith(_PREFIX)


def ask_highest(name: str) -> str:
    """Return the query of the highest position in a partition."""
    return f"SELECT max(position) FROM {name}"  # noqa: S608  # a name that ``name_partition`` made


def list_partition_statements(week: int) -> Iterator[str]:
    """Yield the statements that make a week's partition beside those who read and write.

    It is made as a table of its own and then attached: making it as a partition at once would wait for all
    queries, and they for it.
    """
    name = name_partition(week)
    low = "MINVALUE" if week == -_MOST_WEEKS else str(week * WEEK_US)
    high = "MAXVALUE" if week == _MOST_WEEKS else str((week + 1) * WEEK_US)
    yield (
        f"CREATE TABLE {name} (LIKE verdict INCLUDING DEFAULTS INCLUDING STORAGE)"
        f" WITH (toast_tuple_target = {_WIDE_BYTES:d}, autovacuum_vacuum_insert_scale_factor = 0.1)"
    )
    yield f"CREATE UNIQUE INDEX {name}_position ON {name} (position)"
    yield f"CREATE UNIQUE INDEX {name}_number ON {name} (epoch_key, seq)"
    yield f"ALTER TABLE verdict ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})"
