"""Bundles that operators may send: those of a folder, and what they upload."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from converter.conversion.packing import pack
from edge_node.control_room.robots.bundle_shelf import BundleShelf
from edge_node.errors import CorrosionError, UpdateError
from edge_node.inference.bundle import DEFAULT_BUNDLE
from tests.support.releases import NAME, Maker

if TYPE_CHECKING:
    from pathlib import Path


def upload(shelf: BundleShelf, content: bytes):
    """Upload a file as a browser would."""
    with shelf.receive() as part:
        part.write(content)
        return shelf.keep(part)


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> bytes:
    """A signed bundle."""
    return Maker(tmp_path_factory.mktemp("workstation")).bundle("7.1").read_bytes()


def test_bundles_of_a_folder_and_uploads_are_listed(tmp_path: Path, good: bytes) -> None:
    """Each with its name, version and size; what is none is listed with the reason and cannot be sent."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.bundle.tar").write_bytes(good)
    (folder / "b.bundle.tar").write_bytes(b"<html>")
    (folder / "notes.txt").write_bytes(good)
    os.mkfifo(folder / "pipe.bundle.tar")  # to open it would wait for ever
    shelf = BundleShelf(str(folder), tmp_path / "uploads")
    kept = upload(shelf, good)
    listed = shelf.bundles()
    assert [(one.file, one.label) for one in listed] == [
        ("a.bundle.tar", f"{NAME}-7.1"),
        ("b.bundle.tar", "b.bundle.tar"),
        (kept.file, f"{NAME}-7.1"),
    ]
    assert "no bundle file" in listed[1].problem
    for file in ("a.bundle.tar", kept.file):
        with shelf.open(file) as opened:
            assert opened.read() == good
    for file in ("b.bundle.tar", "../b.bundle.tar", "notes.txt", str(folder / "a.bundle.tar"), ""):
        with pytest.raises(CorrosionError):
            shelf.open(file)


def test_only_signed_whole_bundles_are_kept(tmp_path: Path, good: bytes) -> None:
    """A page, a bundle that is cut off and one without a signature leave nothing behind."""
    unsigned = tmp_path / "unsigned.bundle.tar"
    pack(DEFAULT_BUNDLE, unsigned, version="7.2")
    shelf = BundleShelf(None, tmp_path / "uploads")
    for content, said in (
        (b"<html>", "no bundle"),
        (good[:-600], "bytes"),
        (unsigned.read_bytes(), "not signed"),
    ):
        with pytest.raises(UpdateError, match=said):
            upload(shelf, content)
    assert list((tmp_path / "uploads").iterdir()) == []


def test_the_newest_uploads_are_kept(tmp_path: Path, good: bytes, monkeypatch) -> None:
    """Beyond the bound the oldest upload gives way."""
    monkeypatch.setattr("edge_node.control_room.robots.bundle_shelf._MAX_UPLOADS", 1)
    shelf = BundleShelf(None, tmp_path / "uploads")
    upload(shelf, good)
    again = upload(shelf, good)
    assert [one.file for one in shelf.bundles()] == [again.file]


def test_what_a_killed_upload_left_is_removed_later(tmp_path: Path) -> None:
    """A part of a day ago goes with the next upload; one that is younger may still be coming."""
    shelf = BundleShelf(None, tmp_path)
    for name, at in (("old", 0), ("young", None)):
        (tmp_path / f".part-{name}").write_bytes(b"x")
        if at is not None:
            os.utime(tmp_path / f".part-{name}", (at, at))
    with shelf.receive():
        uploads = sorted(path.name for path in tmp_path.glob(".part-*"))
    assert (".part-old" in uploads, ".part-young" in uploads, len(uploads)) == (False, True, 2)
