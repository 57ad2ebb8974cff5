"""``control-room deployment`` writes what a room of several processes wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.edge_node.cli.control_room.scale.test_ingest import run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_files_are_written_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each on a line; the site and the broker are in them; a second time none is replaced."""
    words = ("deployment", tmp_path / "out", "--site", "quay", "--central", "broker.example")
    assert run(*words) == 0
    named = capsys.readouterr().out.splitlines()
    assert sorted(named) == sorted(str(path) for path in (tmp_path / "out").iterdir())
    assert "address broker.example:8883" in (tmp_path / "out" / "bridge.conf").read_text()
    assert run(*words) == 78
    assert "is there already" in capsys.readouterr().err
