"""Render self-contained HTML pages from ``templates``, with every value escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


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
    )
    environment.filters.update(filters or {})
    return environment.get_template(name).render(**values).encode()
