"""Packing and signing on the workstation: the same bytes each time, readable by tar, keys kept safe."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from converter.conversion.packing import pack
from edge_node.errors import UpdateError
from edge_node.inference.bundle import DEFAULT_BUNDLE
from edge_node.update.transport_file import UNSIGNED, read_head
from tests.support.subcommands import command_here

if TYPE_CHECKING:
    from pathlib import Path

CONVERTER = "converter.cli"


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the order, the times and the modes of its files; and signed at one moment, too."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in sorted(DEFAULT_BUNDLE.iterdir(), reverse=True):
        shutil.copyfile(file, copy / file.name)
        (copy / file.name).chmod(0o600)
    made = [
        pack(folder, tmp_path / f"{number}.tar")[0] for number, folder in enumerate((DEFAULT_BUNDLE, copy))
    ]
    assert made[0].read_bytes() == made[1].read_bytes()
    key = str(tmp_path / "key.pem")
    assert command_here(CONVERTER, "bundle", "keygen", key).returncode == 0
    for file in made:
        ran = command_here(
            CONVERTER, "bundle", "sign", str(file), "--key", key, "--issued", "2026-11-24T12:00:00Z"
        )
        assert ran.returncode == 0, ran.stderr
    assert made[0].read_bytes() == made[1].read_bytes()
    with made[0].open("rb") as source:
        assert read_head(source, "x").signed != UNSIGNED


def test_tar_reads_what_was_packed(tmp_path: Path) -> None:
    """Whoever wants to look inside needs no tool of ours, and finds the folder's very bytes."""
    file, statement = pack(DEFAULT_BUNDLE, tmp_path)
    assert file.name == f"{statement.label}.bundle.tar"
    subprocess.run(["tar", "xf", str(file), "-C", str(tmp_path)], check=True)
    for original in DEFAULT_BUNDLE.iterdir():
        assert (tmp_path / original.name).read_bytes() == original.read_bytes()
    listed = {entry.name: entry.sha256 for entry in statement.files}
    assert listed["model.tflite"] == hashlib.sha256((tmp_path / "model.tflite").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["release.json", "a b", "folder", "link"])
def test_what_would_not_travel_is_refused(tmp_path: Path, name: str) -> None:
    """Reserved names, odd names, folders and links in a bundle's folder."""
    folder = shutil.copytree(DEFAULT_BUNDLE, tmp_path / "bundle")
    if name == "folder":
        (folder / name).mkdir()
    elif name == "link":
        (folder / name).symlink_to("/etc/passwd")
    else:
        (folder / name).write_text("x")
    with pytest.raises(UpdateError, match=name):
        pack(folder, tmp_path / "out.tar")
    assert not (tmp_path / "out.tar").exists()
