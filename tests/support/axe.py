"""What axe-core says of a page: faults that keep people from using it, of the grades that count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

_SCRIPT = Path(__file__).resolve().parents[2] / ".node" / "node_modules" / "axe-core" / "axe.min.js"
_GRADES = {"serious", "critical"}


def axe_script() -> str:
    """Return axe-core as text, or skip the test where it is not installed."""
    if not _SCRIPT.is_file():
        pytest.skip("needs axe-core: npm install --prefix .node axe-core")
    return _SCRIPT.read_text(encoding="utf-8")


def find_faults(page: Any, script: str) -> list[str]:
    """Return the serious and critical faults of what a page shows now, each with where it is."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(script)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{fault['id']} ({fault['impact']}): {' '.join(map(str, node['target']))}: {node['html'][:160]}"
        for fault in found["violations"]
        if fault["impact"] in _GRADES
        for node in fault["nodes"]
    ]
