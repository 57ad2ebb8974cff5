"""Picture files when their folder, their permission or their disk goes away, and comes back."""

from __future__ import annotations

import logging
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import EvidenceConfig
from edge_node.disk_budget import DiskBudget
from edge_node.evidence import picture_folder
from edge_node.evidence.picture_folder import PictureFolder

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [f"{number:064x}" for number in range(40)]


@pytest.fixture(autouse=True)
def _no_calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recovery is believed at once."""
    monkeypatch.setattr(picture_folder, "_CALM_S", 0.0)


def make(folder: Path) -> PictureFolder:
    """Return the picture folder of a node."""
    return PictureFolder(folder, EvidenceConfig(), DiskBudget())


def test_a_folder_that_is_removed_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The pictures that are gone are told once; the next ones are kept, and counted from nothing."""
    caplog.set_level(logging.INFO)
    files = make(tmp_path / "evidence")
    assert files.add(NAMES[0], b"x" * 1000, corroded=True)
    for inner in ("corroded", "."):
        shutil.rmtree(tmp_path / "evidence" / inner)
        assert files.add(NAMES[1], b"y" * 10, corroded=True)
        assert (tmp_path / "evidence" / "corroded" / f"{NAMES[1]}.jpg").read_bytes() == b"y" * 10
        assert files.held_bytes == 10
    shutil.rmtree(tmp_path / "evidence")
    files.look()  # also where no picture comes
    assert "No such file" in files.fault.text
    files.look()
    assert files.fault.text == ""
    assert sorted(path.name for path in (tmp_path / "evidence").iterdir()) == [
        "corroded",
        "other",
        "reviewed",
    ]
    assert len(caplog.records) == 6


@pytest.mark.parametrize("lost", ["a file in its place", "a permission", "a link in a circle"])
def test_loss_is_a_state_that_is_told_once_and_ends(
    tmp_path: Path, lost: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Twenty pictures fail with one line in the log; the first that can be kept again ends the state."""
    caplog.set_level(logging.INFO)
    folder = tmp_path / "evidence" / "corroded"
    files = make(tmp_path / "evidence")
    folder.rmdir()
    if lost == "a permission":
        if os.geteuid() == 0:
            pytest.skip("root may write anywhere")
        folder.mkdir(mode=0o500)
    elif lost == "a link in a circle":
        folder.symlink_to(folder)
    else:
        folder.touch()
    for name in NAMES[:20]:
        assert not files.add(name, b"x", corroded=True)
        assert files.find(name) is None
        assert files.read(name) is None
        assert not files.protect(name)
    assert "verdicts go on without pictures" in files.fault.text
    assert len(caplog.records) == 1
    if folder.is_dir():
        folder.chmod(0o700)
    else:
        folder.unlink()
    files.look()
    files.look()
    assert files.fault.text == ""
    assert files.add(NAMES[0], b"x", corroded=True)
    assert len(caplog.records) == 2


def test_a_folder_that_cannot_be_used_at_the_start_is_tried_again(tmp_path: Path) -> None:
    """Inspection starts without pictures, and keeps them as soon as it can."""
    (tmp_path / "evidence").touch()
    files = make(tmp_path / "evidence")
    assert files.fault.text
    (tmp_path / "evidence").unlink()
    assert files.add(NAMES[0], b"x", corroded=False)
    assert files.fault.text == ""
