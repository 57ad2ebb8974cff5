"""Packing and signing on the workstation: the same bytes each time, readable by tar, keys kept safe."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from converter.conversion.packing import pack
from edge_node.errors import UpdateError
from edge_node.inference.bundle import DEFAULT_BUNDLE
from edge_node.update.transport_file import UNSIGNED, read_head
from tests.support.processes import command

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
    assert command(CONVERTER, "bundle", "keygen", key).returncode == 0
    for file in made:
        ran = command(
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


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Mode 0600, never overwritten, and not used when others could have read it."""
    key = tmp_path / "key.pem"
    ran = command(CONVERTER, "bundle", "keygen", str(key))
    assert ran.returncode == 0, ran.stderr
    assert key.stat().st_mode & 0o777 == 0o600
    assert b"PUBLIC KEY" in (tmp_path / "key.public.pem").read_bytes()
    again = command(CONVERTER, "bundle", "keygen", str(key))
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    file, _ = pack(DEFAULT_BUNDLE, tmp_path)
    key.chmod(0o644)
    ran = command(CONVERTER, "bundle", "sign", str(file), "--key", str(key))
    assert (ran.returncode, "lets others read" in ran.stderr) == (1, True)


def test_a_key_that_is_none_costs_no_signed_file(tmp_path: Path) -> None:
    """The file that is there stays as it is when what was to replace it cannot be signed."""
    file = tmp_path / "release.tar"
    file.write_bytes(b"signed yesterday")
    ran = command(CONVERTER, "bundle", "pack", str(DEFAULT_BUNDLE), str(file), "--key", str(tmp_path / "no"))
    assert (ran.returncode, "make one with `keygen`" in ran.stderr) == (1, True)
    assert file.read_bytes() == b"signed yesterday"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pack", "absent", "out.tar"), "absent: wanted a bundle folder"),
        (("pack", str(DEFAULT_BUNDLE), "out.tar", "--version", "1-rc1"), "has no order"),
        (("pack", str(DEFAULT_BUNDLE), "nowhere/out.tar"), "nowhere"),
        (("sign", "absent.tar", "--key", "absent.pem"), "absent.pem: No such file"),
        (("sign", "absent.tar", "--key", "absent.pem", "--valid-days", "0"), "wanted 1 to 3650 days"),
        (("sign", "absent.tar", "--key", "k", "--issued", "2026-11-24"), "a time zone too"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, said, tmp_path: Path) -> None:
    """Packing or signing that cannot be done ends with a sentence on the cause, and no traceback."""
    ran = command(CONVERTER, "bundle", *arguments, cwd=tmp_path, env={"PYTHONPATH": str(Path.cwd())})
    assert ran.returncode in (1, 2)
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


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
