"""What axe-core says of a page: faults that keep people from using it, of the grades that count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".node" / "node_modules" / "axe-core" / "axe.min.js"
_GRADES = {"serious", "critical"}


def axe_script() -> str:
    """Return axe-core as text, or skip the test where it is not installed."""
    if not SCRIPT.is_file():
        pytest.skip("needs axe-core: npm install --prefix .node axe-core")
    return SCRIPT.read_text(encoding="utf-8")


def find_faults(page: Any, script: str, *, of_colours: bool = False) -> list[str]:
    """Return the serious and critical faults of what a page shows now, or those of its colours alone."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(script)
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if of_colours:
        options["runOnly"] = ["color-contrast"]
    found = page.evaluate("(options) => axe.run(document, options)", options)
    return [
        f"{fault['id']} ({fault['impact']}): {' '.join(map(str, node['target']))}: {node['html'][:160]}"
        for fault in found["violations"]
        if fault["impact"] in _GRADES
        for node in fault["nodes"]
    ]
