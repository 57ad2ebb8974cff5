"""The walls around delivery: who may open the database, who may speak MQTT, what is never loaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import edge_node

PACKAGE = Path(edge_node.__file__).parent


def importers(name: str) -> set[str]:
    """The modules of the package that import ``name``, wherever in the file."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(module.split(".")[0] == name for module in modules):
                found.add(file.relative_to(PACKAGE).as_posix())
    return found


def test_one_module_of_each_program_knows_sqlite_and_one_knows_paho() -> None:
    """Everything else speaks of rows and messages."""
    # The spool of the robot, the history of the control room: two programs, two files, two schemas.
    assert importers("sqlite3") == {"spool_store.py", "control_room/database.py"}
    assert importers("paho") == {"mqtt_session.py"}
    assert importers("cryptography") == {"signing.py"}


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("edge_node.spool.spool", ("paho", "cv2", "numpy", "converter", "tensorflow")),
        (
            "edge_node.delivery.publisher",
            ("sqlite3", "cv2", "numpy", "converter", "tensorflow", "cryptography"),
        ),
        ("edge_node.delivery.send_window", ("paho", "sqlite3", "cv2")),
        ("edge_node.messages.command", ("paho", "sqlite3", "cv2")),
        ("edge_node.update.state", ("paho", "sqlite3", "cv2", "numpy", "cryptography")),
        ("edge_node.update.transport_file", ("paho", "sqlite3", "cv2", "numpy", "cryptography")),
    ],
)
def test_a_room_does_not_load_its_neighbours(module: str, forbidden: tuple[str, ...]) -> None:
    """Pure modules stay pure, and the publisher does not open the database."""
    program = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in ran.stdout.split()}
    assert not loaded & set(forbidden)
