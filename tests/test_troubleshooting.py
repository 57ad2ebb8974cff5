"""What the operator's troubleshooting page quotes is said by the code: messages, exit codes, alarms."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / ".readme" / "troubleshooting.md"
GAP = "\0"  # in place of what differs from message to message
SHOWN = "…"  # the same in the page
_PLACEHOLDER = re.compile(r"%[-+.\d]*[sdfgx]|\{\w*(?::[^}]*)?\}")


def quoted_messages(page: str) -> list[str]:
    """Return what stands in code spans of the column "you see", and of codes of alarms."""
    found = []
    for section in page.split("\n## ")[1:]:
        header = next((row for row in section.splitlines() if row.startswith("| ")), "")
        columns = [cell.strip() for cell in header.strip("|").split("|")]
        for row in re.findall(r"^\| (.*) \|$", section, flags=re.MULTILINE):
            cells = row.split(" | ")
            found += [
                text
                for name, cell in zip(columns, cells, strict=False)
                if name == "you see" or (name == "code" and "`" in cell)
                for text in re.findall(r"`([^`]+)`", cell)
            ]
    return found


def message_templates(folder: Path) -> set[str]:
    """Return the texts of all modules of the robot, with a gap for whatever is put into them."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        if "control_room" not in path.parts:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found.update(
                _template(node) for node in ast.walk(tree) if isinstance(node, ast.Constant | ast.JoinedStr)
            )
    page = (folder / "monitoring" / "page.html").read_text(encoding="utf-8")
    return found | set(re.findall(r'"([^"\n]+)"', page))


def _template(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_template(value) for value in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _PLACEHOLDER.sub(GAP, node.value)
    return GAP


def is_said(message: str, templates: str) -> bool:
    """Tell whether one of the templates says ``message``, gaps standing for gaps."""
    pieces = [re.escape(piece.strip()) for piece in message.split(SHOWN)]
    return re.search(rf"[^\n]*{GAP}[^\n]*".join(pieces), templates) is not None


def test_messages_of_the_page_are_said_by_the_code() -> None:
    """An operator searches the page for the words on the screen: a message that was reworded must follow."""
    messages = quoted_messages(PAGE.read_text(encoding="utf-8"))
    assert len(messages) > 100
    templates = "\n".join(text.replace("\n", " ") for text in message_templates(ROOT / "edge_node"))
    assert [message for message in messages if not is_said(message, templates)] == []


def test_a_message_that_nobody_says_is_found() -> None:
    """Parts that differ are gaps on both sides; a sentence that is only nearly right is none."""
    templates = f"camera {GAP}: no such device; plug it in\nother"
    assert is_said(f"camera {SHOWN}: no such device", templates)
    assert not is_said("camera /dev/video0: no such device", templates)
    assert not is_said(f"camera {SHOWN}: no device", templates)
    assert not is_said("plug it in other", templates)
