"""A state folder is described and stays as it is."""

from __future__ import annotations

import json
import os

import pytest

from edge_node.clock_floor import FLOOR_NAME
from edge_node.config.delivery_sections import SpoolConfig
from edge_node.errors import CorrosionError
from edge_node.messages.topics import Kind
from edge_node.spool.files import SPOOL_NAME
from edge_node.spool.spool import Spool
from edge_node.support import state
from tests.support.verdicts import verdict


def snapshot(folder):
    """Return every file of a folder with its content and times."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def folder(tmp_path):
    """Return a state folder with three verdicts that wait."""
    with Spool.open(tmp_path / SPOOL_NAME, SpoolConfig()) as spool:
        for _ in range(3):
            spool.append(Kind.VERDICT, lambda seq: verdict(seq, "C"))
        spool.flush(5)
    return tmp_path


def test_the_spool_is_described_from_a_copy_also_beside_a_running_node(folder):
    """What waits is counted, the node's process is named, and no file of the folder changes."""
    (folder / FLOOR_NAME).write_text("damaged")
    before = snapshot(folder)
    report = json.loads(state.describe_spool(folder))
    assert report["waiting"]["verdict"] == 3
    assert any("3" in line for line in report["waiting_verdicts"])
    assert report["path"] == str(folder / SPOOL_NAME)
    assert "from build" in state.describe_clock(folder)
    state.list_files(folder)
    assert snapshot(folder) == before
    assert state.find_node(folder) is None
    with Spool.open(folder / SPOOL_NAME, SpoolConfig()):
        assert json.loads(state.describe_spool(folder))["waiting"]["verdict"] == 3
        assert state.find_node(folder) == os.getpid()


def test_a_spool_that_cannot_be_read_is_told_in_a_sentence(folder, tmp_path):
    """Damaged, a link to another file, or not there."""
    spool = folder / SPOOL_NAME
    spool.write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)
    with pytest.raises(CorrosionError, match="start the node once"):
        state.describe_spool(folder)
    spool.unlink()
    with pytest.raises(FileNotFoundError):
        state.describe_spool(folder)
    spool.symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic links"):
        state.describe_spool(folder)


def test_files_are_listed_with_their_sizes(folder):
    """Names alone: what is in them is not shown."""
    (folder / "evidence" / "other").mkdir(parents=True)
    (folder / "evidence" / "other" / "a").write_bytes(b"x" * 1234)
    text = state.list_files(folder)
    assert any(line.endswith("evidence/other/a") and "1234" in line for line in text.splitlines())
    with pytest.raises(FileNotFoundError):
        state.list_files(folder / "nothing")


def test_a_bundle_is_described_by_name_and_hashes(tmp_path):
    """Also a damaged one; a store with each of its bundles."""
    assert "model.tflite" in state.describe_bundle("default", tmp_path)
    slot = tmp_path / "store" / "slots" / "abc"
    slot.mkdir(parents=True)
    (slot / "bundle.json").write_text("{")
    (slot / "link").symlink_to("/etc/passwd")
    (tmp_path / "store" / "state.json").write_text('{"current": "abc"}')
    text = state.describe_bundle("store", tmp_path)
    assert '{"current": "abc"}' in text
    assert "bundle.json: damaged" in text
    assert "link: no file that can be read" in text


def test_what_is_no_file_is_named(folder):
    """Where a folder lies in the place of a file, a person is told which."""
    (folder / FLOOR_NAME).mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        state.describe_clock(folder)
    assert str(caught.value.filename) == str(folder / FLOOR_NAME)


def test_of_a_refused_configuration_the_store_is_described_too(tmp_path):
    """Nobody knows which bundle it names: it is not said to be the default."""
    assert state.describe_bundle(None, tmp_path).startswith("[bundle] path = not known")
    (tmp_path / "store" / "slots" / "a").mkdir(parents=True)
    text = state.describe_bundle(None, tmp_path)
    assert str(tmp_path / "store" / "slots" / "a") in text
    assert "model.tflite" in text
