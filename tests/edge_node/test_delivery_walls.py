"""The walls around delivery: who may open the database, who may speak MQTT, what is never loaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import edge_node
from edge_node.errors import ConfigError
from edge_node.messages.topics import Kind, Topics

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


def test_topics_are_those_of_the_design() -> None:
    """The names that other people's programs subscribe to do not change unnoticed."""
    topics = Topics("site", "robot")
    assert [topics.of(kind) for kind in Kind] == [
        "corrosion/v1/site/robot/verdict",
        "corrosion/v1/site/robot/finding",
        "corrosion/v1/site/robot/rsp",
        "corrosion/v1/site/robot/shadow",
    ]
    assert (topics.latest, topics.status, topics.health) == (
        "corrosion/v1/site/robot/latest",
        "corrosion/v1/site/robot/status",
        "corrosion/v1/site/robot/health",
    )
    assert topics.evidence("a" * 64) == "corrosion/v1/site/robot/evidence/" + "a" * 64
    assert topics.verb("corrosion/v1/site/robot/cmd/pause") == "pause"
    for elsewhere in ("corrosion/v1/site/robot2/cmd/pause", "x/corrosion/v1/site/robot/cmd/pause", "pause"):
        assert topics.verb(elsewhere) is None
    with pytest.raises(ValueError, match="no SHA-256"):
        topics.evidence("../x")


@pytest.mark.parametrize("name", ["+", "#", "a/b", "", "ä", "a b", "$SYS", "-a", "a" * 65, "a\n"])
def test_ids_that_would_change_the_shape_of_a_topic_are_refused(name: str) -> None:
    """Neither site nor robot may be a pattern, a level or nothing."""
    for site, robot in ((name, "r"), ("s", name)):
        with pytest.raises(ConfigError, match="wanted 1 to 64"):
            Topics(site, robot)
