"""Make of an INSERT of one row the one that takes a list for each column, for PostgreSQL."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, Insert, bindparam, cast, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY

if TYPE_CHECKING:
    from sqlalchemy import Executable, TableValuedAlias
    from sqlalchemy.types import TypeEngine

_KEPT = 200


@lru_cache(_KEPT)
def list_columns(statement: Executable) -> tuple[str, ...] | None:
    """Return the columns of an INSERT that binds a value for each by its name; None of others."""
    if not isinstance(statement, Insert) or statement._post_values_clause is not None:  # noqa: SLF001
        return None
    values: dict[Any, Any] = dict(statement._values or {})  # noqa: SLF001
    names = tuple(getattr(column, "name", str(column)) for column in values)
    bound = [getattr(value, "key", None) for value in values.values() if isinstance(value, BindParameter)]
    return names if names and list(names) == bound else None


def listed(name: str, **columns: TypeEngine[Any]) -> TableValuedAlias:
    """Return rows that a statement binds as a list for each column, by the column's name."""
    lists = [cast(bindparam(key), ARRAY(kind)) for key, kind in columns.items()]
    return func.unnest(*lists).table_valued(*columns).render_derived(name=name)


@lru_cache(_KEPT)
def make_bulk(statement: Any) -> Executable:
    """Make an INSERT that binds a list of values for each column of ``statement``."""
    table = statement.table
    names = list_columns(statement) or ()
    rows = listed("rows", **{name: table.c[name].type for name in names})
    return insert(table).from_select(list(names), select(*(rows.c[name] for name in names)))


@lru_cache(_KEPT)
def returning_key(statement: Any) -> Executable:
    """Make an INSERT return the key that its row is given."""
    made: Executable = statement.returning(next(iter(statement.table.primary_key)))
    return made
