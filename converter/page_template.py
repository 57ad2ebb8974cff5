"""Render self-contained HTML pages from ``templates``, with every value escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from edge_node.unprintable import replace_unprintable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_EMPTY = {"", "-", "\N{EN DASH}"}
_MOST_COLUMNS = 10  # of a crossover matrix; of more labels a page shows a line each


def render_page(
    name: str, *, filters: Mapping[str, Callable[..., str]] | None = None, **values: object
) -> bytes:
    """Render the template ``name`` with ``values``; a name in it that has no value is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("converter", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
    )
    environment.filters.update(filters or {})
    environment.globals.update(
        filled_columns=find_filled_columns,
        summarise_crossover=summarise_crossover,
        most_columns=_MOST_COLUMNS,
    )
    return environment.get_template(name).render(**values).encode("utf-8", "replace")


def find_filled_columns(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> list[int]:
    """Return the positions of the columns that say something in any row."""
    return [at for at in range(len(heads)) if any(str(row[at]).strip() not in _EMPTY for row in rows)]


def summarise_crossover(crossover: Mapping[str, Mapping[str, int]]) -> tuple[list[str], list[list[str]]]:
    """Return a table of many labels: how often each is right, and what it is most often called instead."""
    rows = []
    for truth, counts in crossover.items():
        total = sum(counts.values())
        wrong = {name: count for name, count in counts.items() if name != truth and count}
        most = max(wrong, key=lambda name: wrong[name], default=None)
        share = f"{100 * counts.get(truth, 0) / total:.0f}\N{NO-BREAK SPACE}%" if total else ""
        rows.append([truth, str(total), share, f"{most} ({wrong[most]})" if most is not None else ""])
    return ["label", "pictures", "right", "most often called instead"], rows


def _finalize(value: Any) -> Any:
    """Return a value as it is printed: names of files and labels may hold anything."""
    return replace_unprintable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
