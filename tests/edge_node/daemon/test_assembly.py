"""A start of the daemon beside one that runs already."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from edge_node.cli.main import main
from edge_node.config.sections import load_config
from edge_node.daemon.assembly import run_daemon
from edge_node.errors import SpoolError
from edge_node.spool.files import SpoolLock
from tests.scenarios.test_daemon_field import write_config
from tests.support.releases import Maker, Robot

if TYPE_CHECKING:
    from pathlib import Path


def photograph(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return name, inode, mode, time and content of all that lies in ``folder``."""
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (status.st_ino, status.st_mode, status.st_mtime_ns, status.st_nlink, content)
    return found


@pytest.fixture
def running(tmp_path: Path):
    """Return the configuration of a node that runs, with a bundle on trial and traces that a start clears."""
    robot = Robot(tmp_path / "state", maker := Maker(tmp_path))
    robot.install(maker.bundle("2"))
    state = tmp_path / "state"
    config = write_config(
        tmp_path,
        tmp_path,
        1,
        bundle={"path": "store", "trusted_keys": [maker.public]},
        http={"enabled": True, "port": 1},
    )
    (state / "evidence" / "other").mkdir(parents=True)
    (state / "evidence" / "other" / "x.part").write_bytes(b"being written just now")
    (state / "spool.sqlite").write_bytes(b"damaged, to a reader that comes at the wrong time")
    (state / "spool.sqlite").chmod(0o644)
    (state / "findings.json").write_bytes(b"half")
    with SpoolLock(state / "spool.sqlite"):
        yield config


def test_a_second_start_beside_a_running_node_changes_nothing(running: Path) -> None:
    """Refused before it counts a start of the trial, clears, repairs or protects a file, or connects."""
    before = photograph(running.parent / "state")
    for _ in range(4):  # more than [bundle] trial_starts
        with pytest.raises(SpoolError, match="another edge-node"):
            run_daemon(load_config(running), threading.Event())
    assert photograph(running.parent / "state") == before


@pytest.mark.parametrize("command", [["check-config"], ["bundle", "list", "--config"], ["audit", "--config"]])
def test_a_command_that_only_looks_changes_nothing_beside_a_running_node(
    running: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an operator types to look at a running node leaves every byte and time as it was."""
    before = photograph(running.parent / "state")
    monkeypatch.setattr("sys.argv", ["edge-node", *command, str(running)])
    main()
    assert photograph(running.parent / "state") == before
