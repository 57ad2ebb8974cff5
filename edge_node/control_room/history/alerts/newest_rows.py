"""Make the statements that tables of alerts share: values by column, and only the newest rows kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, delete, select

if TYPE_CHECKING:
    from sqlalchemy import Column, Executable, Table


def bind_columns(table: Table, *names: str) -> dict[str, Any]:
    """Bind a value for each of these columns, of its type."""
    return {name: bindparam(name, type_=table.c[name].type) for name in names}


def keep_newest(key: Column[int], group: Column[str] | None = None) -> Executable:
    """Make the statement that deletes the rows of a table beyond the newest ``kept``.

    Args:
        key: of the table, which counts up.
        group: the column whose value is bound by its name: only those rows count, and are deleted.
    """
    older = key.table.alias("older")
    bound = select(older.c[key.name])
    conditions = []
    if group is not None:
        bound = bound.where(older.c[group.name] == bindparam(group.name))
        conditions.append(group == bindparam(group.name))
    bound = bound.order_by(older.c[key.name].desc()).limit(1).offset(bindparam("kept", type_=Integer))
    return delete(key.table).where(key <= bound.scalar_subquery(), *conditions)
