"""Pages of HTML from ``templates``: without anything beside them, and with everything escaped."""

from __future__ import annotations

import jinja2


def rendered(name: str, **values: object) -> bytes:
    """Return the page that the template ``name`` makes of ``values``; an unknown name in it is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("converter", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(name).render(**values).encode()
