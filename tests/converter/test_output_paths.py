"""Places that results cannot be written to are refused before the work, by every command; nothing is left."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

import pytest

from converter.cli import COMMANDS as COMMAND_TABLE
from converter.output_paths import (
    refuse_unwritable_file,
    refuse_unwritable_folder,
    refuse_unwritable_place,
    write_file,
)
from edge_node.errors import CorrosionError, DestinationError

# Whoever asks may write here by its permissions, root at least; nothing can be made all the same.
PROC = Path("/proc/corrosion")
on_linux = pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="/proc is Linux's")


def contents(folder: Path) -> set[Path]:
    """Return everything below a folder."""
    return set(folder.rglob("*"))


def test_places_that_can_be_written_stay_as_they_were(tmp_path):
    """Trying makes no folder, leaves no file and changes none."""
    there = tmp_path / "there.json"
    there.write_text("old", encoding="utf-8")
    before = contents(tmp_path)
    refuse_unwritable_file(None)
    refuse_unwritable_folder(None)
    refuse_unwritable_file(there)
    refuse_unwritable_file(tmp_path / "a" / "b" / "new.json")
    refuse_unwritable_folder(tmp_path)
    refuse_unwritable_folder(tmp_path / "a" / "b")
    refuse_unwritable_place(tmp_path / "a")
    assert contents(tmp_path) == before
    assert there.read_text(encoding="utf-8") == "old"


def test_places_of_the_wrong_kind(tmp_path):
    """A folder where a file is wanted, a file where a folder is, a file in the way to both."""
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(DestinationError, match="is a folder"):
        refuse_unwritable_file(tmp_path)
    with pytest.raises(DestinationError, match="is no folder"):
        refuse_unwritable_folder(file)
    for refused in (refuse_unwritable_file, refuse_unwritable_folder, refuse_unwritable_place):
        with pytest.raises(DestinationError, match=r"nothing can be written in .*file"):
            refused(file / "below" / "it")


@on_linux
def test_a_place_that_only_looks_as_if_it_could_be_written():
    """For root every folder is writable by its permissions; only trying tells."""
    for refused in (refuse_unwritable_file, refuse_unwritable_folder, refuse_unwritable_place):
        with pytest.raises(DestinationError, match=r"/proc/corrosion: nothing can be written in /proc \("):
            refused(PROC)


def test_folders_above_a_file_are_made(tmp_path):
    """As ``retrain`` makes them for a graph."""
    write_file(tmp_path / "a" / "b" / "new.json", b"{}")
    assert (tmp_path / "a" / "b" / "new.json").read_bytes() == b"{}"
    with pytest.raises(DestinationError, match="cannot be written"):
        write_file(tmp_path / "a" / "b" / "new.json" / "c", b"")


# No input of these is there: whoever looks at inputs first complains of those.
COMMANDS = (
    ["convert", "absent.pb", "--out", "bundle", "--report", PROC],
    ["evaluate", "absent", "absent", "--json", PROC],
    ["evaluate", "absent", "absent", "--html", PROC],
    ["study", "absent", "--json", PROC],
    ["study", "absent", "--html", PROC],
    ["study", "absent", "--bottleneck-dir", PROC],
    ["retrain", "--image_dir", "absent", "--output_graph", PROC / "graph.pb"],
    ["retrain", "--image_dir", "absent", "--output_labels", PROC],
    ["retrain", "--image_dir", "absent", "--summaries_dir", PROC],
    ["retrain", "--image_dir", "absent", "--bottleneck_dir", PROC],
    ["retrain", "--image_dir", "absent", "--cascade", "absent.toml", "--output_dir", PROC],
    ["specimens", "--count=4", PROC],
    ["show", "absent", "absent", "--out", PROC.with_suffix(".jpg")],
    ["classes", "absent", PROC],
)


@on_linux
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda words: f"{words[0]} {words[-2]}")
def test_every_command_tries_before_it_works(tmp_path, monkeypatch, arguments):
    """It names the place, and not the inputs that are not there; nothing is written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")  # which some commands set, for good
    command = import_module(COMMAND_TABLE[arguments[0]].module)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    with pytest.raises(CorrosionError, match=str(PROC)):
        command.run(parser.parse_args([str(word) for word in arguments[1:]]))
    assert contents(tmp_path) == set()
