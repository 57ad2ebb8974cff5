"""Picture files when their folder, their permission or their disk goes away, and comes back."""

from __future__ import annotations

import logging
import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import EvidenceConfig
from edge_node.disk_budget import DiskBudget
from edge_node.evidence import picture_folder
from edge_node.evidence.picture_folder import PictureFolder, PictureKind

if TYPE_CHECKING:
    from pathlib import Path

KINDS = [kind.folder for kind in PictureKind]
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
    assert files.add(NAMES[0], b"x" * 1000, PictureKind.CORRODED)
    for inner in ("corroded", "."):
        shutil.rmtree(tmp_path / "evidence" / inner)
        assert files.add(NAMES[1], b"y" * 10, PictureKind.CORRODED)
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
        "teaching",
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
        assert not files.add(name, b"x", PictureKind.CORRODED)
        assert files.find(name) is None
        assert files.read(name) is None
        assert not files.protect(name)
    assert "verdicts have no pictures" in files.fault.text
    assert len(caplog.records) == 1
    if folder.is_dir():
        folder.chmod(0o700)
    else:
        folder.unlink()
    files.look()
    files.look()
    assert files.fault.text == ""
    assert files.add(NAMES[0], b"x", PictureKind.CORRODED)
    assert len(caplog.records) == 2


def test_a_folder_that_cannot_be_used_at_the_start_is_tried_again(tmp_path: Path) -> None:
    """Inspection starts without pictures, and keeps them as soon as it can."""
    (tmp_path / "evidence").touch()
    files = make(tmp_path / "evidence")
    assert files.fault.text
    (tmp_path / "evidence").unlink()
    assert files.add(NAMES[0], b"x", PictureKind.OTHER)
    assert files.fault.text == ""


@pytest.mark.parametrize("step_s", [-3e9, 3e9], ids=["set back", "set ahead"])
def test_the_oldest_goes_first_whatever_the_clock_says(
    tmp_path: Path, step_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that is set and set right again changes no order, over a restart, of reviewed pictures too."""
    config = EvidenceConfig(max_mb=1, reviewed_share=0.3)
    right_ns = time.time_ns()
    for number, name in enumerate(NAMES[:15]):
        is_wrong = 4 <= number < 9
        monkeypatch.setattr(
            time, "time_ns", lambda is_wrong=is_wrong: right_ns + is_wrong * int(step_s * 1e9)
        )
        files = PictureFolder(tmp_path, config, DiskBudget())
        assert files.add(name, b"x" * 100_000, PictureKind.CORRODED)
        if number in (3, 5, 6, 12):
            assert files.protect(name)
    left = [sorted(NAMES.index(file.stem) for file in (tmp_path / kind).iterdir()) for kind in KINDS]
    assert left == [[], [8, 9, 10, 11, 13, 14], [], [5, 6, 12]]


def test_pictures_that_teach_stay_up_to_their_share(tmp_path: Path) -> None:
    """Beyond it the oldest of them count as corroded, and go with these; a sample never displaces any."""
    config = EvidenceConfig(max_mb=1, reviewed_share=0.2, teaching_share=0.5)  # 400 kB
    files = PictureFolder(tmp_path, config, DiskBudget())
    for number, name in enumerate(NAMES[:30]):
        kind = (PictureKind.TEACHING, PictureKind.CORRODED, PictureKind.OTHER)[number % 3]
        assert files.add(name, b"x" * 50_000, kind)
    left = {kind: sorted(NAMES.index(file.stem) for file in (tmp_path / kind).iterdir()) for kind in KINDS}
    assert left["teaching"] == [6, 9, 12, 15, 18, 21, 24, 27]
    assert left["corroded"][-4:] == [19, 22, 25, 28]
    assert len(left["other"]) <= 1
    again = PictureFolder(tmp_path, config, DiskBudget())
    assert again.held_bytes == files.held_bytes == sum(file.stat().st_size for file in tmp_path.glob("*/*"))
    assert again.promote(NAMES[28])
    assert not again.promote(NAMES[0])
    assert again.held_bytes == files.held_bytes


def test_the_folder_of_an_earlier_version_is_gone_on_with(tmp_path: Path) -> None:
    """Its pictures are found and counted, and are the oldest."""
    for kind, name in (("other", NAMES[0]), ("corroded", NAMES[1]), ("reviewed", NAMES[2])):
        (tmp_path / kind).mkdir(mode=0o700)
        (tmp_path / kind / f"{name}.jpg").write_bytes(b"x" * 200_000)
    files = PictureFolder(tmp_path, EvidenceConfig(max_mb=1), DiskBudget())
    assert files.held_bytes == 600_000
    assert all(files.find(name) for name in NAMES[:3])
    for name in NAMES[3:6]:
        files.add(name, b"y" * 200_000, PictureKind.CORRODED)
    assert [files.find(name) is not None for name in NAMES[:6]] == [False, False, True, True, True, True]
