"""Style sheets of the page's views: none styles what another view shows."""

from __future__ import annotations

import re
from pathlib import Path

STYLES = Path(__file__).parents[4] / "edge_node" / "control_room" / "web" / "page" / "style"
SHARED = {"base", "room", "login"}  # for all views; the login is a page of its own
ON_PURPOSE = {"sight", "sights", "shots", "legend", "compare", "naming"}  # one part in two views


def selectors(text: str) -> list[str]:
    """Return the selectors of a style sheet, each part of a list by itself."""
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    found = [one.strip() for one in re.findall(r"([^{}]+)\{", bare)]
    return [part.strip() for one in found if not one.startswith("@") for part in one.split(",")]


def test_no_view_styles_a_class_that_another_view_uses() -> None:
    """A class that stands alone in one view's sheet is in no selector of another's."""
    sheets = {path.stem: selectors(path.read_text(encoding="utf-8")) for path in STYLES.glob("*.css")}
    used = {
        name: set(re.findall(r"\.([a-z][\w-]*)", " ".join(listed))) - ON_PURPOSE
        for name, listed in sheets.items()
    }
    clashes = [
        f"{name}.css: {selector}: {other}.css has .{alone.group(1)} too"
        for name, listed in sheets.items()
        if name not in SHARED
        for selector in listed
        if (alone := re.match(r"\.([a-z][\w-]*)", selector)) and " " not in selector.split(":")[0]
        for other, names in used.items()
        if other not in (name, "login") and alone.group(1) in names and other not in SHARED
    ]
    assert clashes == []
