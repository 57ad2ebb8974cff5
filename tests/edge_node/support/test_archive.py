"""The file: what is in it, what its manifest says, and who can read it."""

from __future__ import annotations

import errno
import stat
import zipfile

import pytest

from edge_node.errors import CorrosionError
from edge_node.support.archive import MAX_TEXT_BYTES, Archive
from edge_node.support.masking import Mask


def read(path):
    """Return the parts of a file by their names without the folder."""
    with zipfile.ZipFile(path) as packed:
        assert packed.testzip() is None
        return {name.partition("/")[2]: packed.read(name) for name in packed.namelist()}


def test_the_manifest_lists_what_is_inside_and_what_is_not(tmp_path):
    """A part that fails, whatever the fault, costs itself alone; no secret is in a part or the manifest."""
    archive = Archive(Mask(["hUnter2-x"]))
    archive.add_text("a.txt", "about a", lambda: "it is hUnter2-x\n")
    archive.add_text("b.txt", "about b", lambda: str(1 / 0))
    archive.add_text("c.txt", "about c", lambda: open("/no/hUnter2-x").read())  # noqa: PTH123, SIM115
    archive.add_picture("picture.jpg", "a picture", b"\xff\xd8\xff")
    path = tmp_path / "out.zip"
    size = archive.write(path, ["made by a test with hUnter2-x"])
    assert size == path.stat().st_size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    parts = read(path)
    assert set(parts) == {"manifest.txt", "a.txt", "picture.jpg"}
    assert parts["a.txt"] == b"it is [taken out]\n"
    manifest = parts["manifest.txt"].decode()
    for words in ("a.txt", "about a", "b.txt: ZeroDivisionError", "c.txt: /no/[taken out]: No such file"):
        assert words in manifest
    assert b"hUnter2-x" not in b"".join(parts.values())


def test_of_a_long_text_the_end_is_kept(tmp_path):
    """The last lines of a log are those that count, and a mail takes 10 MB."""
    archive = Archive(Mask())
    archive.add_text("log.txt", "a log", lambda: "".join(f"line {number}\n" for number in range(300_000)))
    archive.write(tmp_path / "out.zip", [])
    text = read(tmp_path / "out.zip")["log.txt"].decode()
    assert text.endswith("line 299999\n")
    assert text.splitlines()[1].startswith("line ")
    assert len(text) <= MAX_TEXT_BYTES + 100


def test_nothing_is_overwritten_and_nothing_is_left_of_a_file_that_cannot_be_written(tmp_path, monkeypatch):
    """One sentence that says what to do; a full disk is called so."""
    archive = Archive(Mask())
    (tmp_path / "there.zip").write_bytes(b"mine")
    with pytest.raises(CorrosionError, match="is there already"):
        archive.write(tmp_path / "there.zip", [])
    assert (tmp_path / "there.zip").read_bytes() == b"mine"
    with pytest.raises(CorrosionError, match="No such file or directory; name a file in a folder"):
        archive.write(tmp_path / "none" / "x.zip", [])

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CorrosionError, match="No space left on device; name a file on another disk"):
        archive.write(tmp_path / "full.zip", [])
    assert not (tmp_path / "full.zip").exists()
