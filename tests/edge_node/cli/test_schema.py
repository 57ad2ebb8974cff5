"""``edge-node schema`` writes every document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edge_node.integrations.message_schema import asyncapi, schemas
from tests.support.processes import command

if TYPE_CHECKING:
    from pathlib import Path


def test_the_command_writes_every_document(tmp_path: Path) -> None:
    """``edge-node schema DIR`` makes the folder and names what it wrote."""
    ran = command("edge_node.cli", "schema", str(tmp_path / "new"))
    assert ran.returncode == 0, ran.stderr
    written = {file.name: json.loads(file.read_bytes()) for file in (tmp_path / "new").iterdir()}
    assert written["asyncapi.json"] == asyncapi()
    assert written["verdict.schema.json"] == schemas()["verdict"]
    assert len(ran.stdout.splitlines()) == len(written) == len(schemas()) + 2
