"""``.readme/code.md`` shows the packages as they are, and names only files that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAP = (ROOT / ".readme" / "code.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / ".readme" / "contributing.md").read_text(encoding="utf-8")
WIDTH = 18  # of the column with the folders; a line then has at most 120 characters


def draw_tree() -> str:
    """Return the packages with the first line of each face, as the map shows them."""
    faces = [ROOT / program / "__init__.py" for program in ("edge_node", "converter")]
    lines = []
    for face in faces:
        for inner in sorted(face.parent.rglob("__init__.py"), key=lambda path: path.parent.parts):
            depth = len(inner.relative_to(face.parent).parts) - 1
            text = ast.get_docstring(ast.parse(inner.read_text(encoding="utf-8"))) or ""
            name = f"{'  ' * depth}{inner.parent.name}/"
            lines.append(f"{name:<{WIDTH}}{text.splitlines()[0]}")
    return "\n".join(lines)


def test_the_tree_is_that_of_the_packages() -> None:
    """A package that comes, goes or changes its purpose changes the map: paste what this test draws."""
    shown = re.search(r"<!-- tree -->\n```text\n(.*?)\n?```\n<!-- tree -->", MAP, re.DOTALL)
    assert shown is not None
    assert shown[1] == draw_tree()


def test_every_file_that_the_map_names_exists() -> None:
    """The ways through the code and the steps to add a part name real modules."""
    named = {name for name in re.findall(r"`([\w./]+\.py)`", MAP + CONTRIBUTING) if name.islower()}
    assert len(named) > 30
    bases = [ROOT, ROOT / "edge_node", *(ROOT / "converter").glob("*/")]
    assert {name for name in named if not any((base / name).is_file() for base in bases)} == set()


def test_the_map_is_short() -> None:
    """A page that fits a terminal and a quarter of an hour: at most 200 lines of at most 120 characters."""
    lines = MAP.splitlines()
    assert len(lines) <= 200
    assert [line for line in lines if len(line) > 120] == []


def test_the_readme_links_to_the_map() -> None:
    """Whoever wants to change something finds it."""
    assert ".readme/code.md" in (ROOT / "README.md").read_text(encoding="utf-8")
