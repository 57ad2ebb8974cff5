"""``converter data export``."""

from __future__ import annotations

import re

import pytest

from converter.cli.data import actions
from tests.support.foreign_sets import write_pictures
from tests.support.labelled_pictures import write_labelled_pictures
from tests.support.subcommands import run


def test_it_says_what_it_wrote_and_how_it_comes_back(tmp_path, capsys):
    """A chosen set alone; folders of classes go as well."""
    write_labelled_pictures(tmp_path, ["steel,1,,g0,a", "steel,0,,g1,b"])
    assert run(actions, "export", tmp_path, tmp_path / "out", "--to", "coco", "--set", "a") == 0
    told = capsys.readouterr().out
    assert "1 pictures, 0 masks" in told
    assert f"--map {tmp_path / 'out' / 'categories.toml'}" in told
    for name in ("corroded steel", "clean"):
        write_pictures(tmp_path / "classes" / name, 1)
    assert run(actions, "export", tmp_path / "classes", tmp_path / "ls", "--to", "label-studio") == 0
    assert "serve" in capsys.readouterr().out


def test_an_unknown_tool_is_refused(tmp_path, capsys):
    """The words that are known are told."""
    with pytest.raises(SystemExit):
        run(actions, "export", tmp_path, tmp_path / "out", "--to", "voc")
    assert re.search(r"'voc' \(choose from '?coco'?, '?label-studio'?\)", capsys.readouterr().err)
