"""The expressions in the files that Grafana and Prometheus read."""

from __future__ import annotations

import json
import re

from edge_node.control_room.metrics.monitoring_files import FOLDER


def list_expressions(name: str) -> list[tuple[str, str]]:
    """Return title and expression of each panel of a dashboard, or of each alert of a file of rules."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    if name.endswith(".json"):
        panels = json.loads(text)["panels"]
        return [(panel["title"], one["expr"]) for panel in panels for one in panel.get("targets", ())]
    return re.findall(r"- alert: (\w+)\n\s+expr: (.+)", text)


def list_names(expression: str) -> set[str]:
    """Return the names of our metrics in an expression, those in a pattern one by one."""
    found = re.findall(
        r"\b(?:corrosion|process|python)_\w+", expression.replace("corrosion_edge_(", "corrosion_edge_OF_(")
    )
    names = {name for name in found if not name.startswith("corrosion_edge_OF_")}
    for pattern in re.findall(r"corrosion_edge_\(([\w|]+)\)", expression):
        names |= {f"corrosion_edge_{name}" for name in pattern.split("|")}
    return names
