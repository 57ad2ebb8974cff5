"""Write rows as CSV whose cells no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# A spreadsheet would run a cell that begins so; some take the wide forms for the narrow ones.
_FORMULA = ("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def render_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a table with a head; what a row does not have is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: escape_cell(value) for key, value in row.items()} for row in rows)
    return out.getvalue()


def escape_cell(value: Any) -> Any:
    """Return a value as a cell; a text that a spreadsheet would run has an apostrophe before it."""
    if not isinstance(value, str):
        return "" if value is None else value
    # A carriage return alone would not be quoted, and begin a row of its own in some readers.
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(_FORMULA) else text
