"""``converter data check``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2

from converter.cli.data import actions
from edge_node.cli.framework import run_guarded
from tests.support.foreign_sets import picture
from tests.support.labelled_pictures import write_labelled_pictures
from tests.support.subcommands import run


def test_what_hurts_is_told_with_an_example_and_what_to_do(tmp_path, capsys):
    """Exit code 1, on the screen and as JSON alike."""
    write_labelled_pictures(tmp_path, ["steel,1,,g,train", "steel,0,,g,test"])
    assert run(actions, "check", tmp_path) == 1
    told = capsys.readouterr().out
    assert "Groups are in several of train, val and test: 1\n    such as g: test, train\n    put each" in told
    assert run(actions, "check", tmp_path, "--json", tmp_path / "found.json") == 1
    capsys.readouterr()
    assert run(actions, "check", tmp_path, "--json", "-") == 1
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["pictures"] == 2
    assert {"kind", "count", "text", "example", "advice"} == found["problems"][0].keys()


def test_a_name_in_other_bytes_is_a_sentence(tmp_path, capsys):
    """A file's name that JSON cannot hold ends the command with the name and what to do."""
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        cv2.imwrite(str(folder / "1.png"), picture(1))
        (folder / "1.png").rename(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png"))
    assert run_guarded("converter", lambda: run(actions, "check", tmp_path, "--json", "-")) == 1
    assert "caf\\udce9.png: the name is not in UTF-8" in capsys.readouterr().err


def test_a_sound_set_passes(tmp_path, capsys):
    """Exit code 0."""
    rows = ["file,group,corroded,licence,source"]
    for number in range(40):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture(number))
        rows.append(f"{number}.png,g{number},{number % 2},CC0,yard")
    Path(tmp_path / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    assert run(actions, "check", tmp_path) == 0
    assert "nothing found that spoils a training" in capsys.readouterr().out
