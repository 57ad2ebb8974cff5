"""``converter example``: the recipes and cascade files of the package, written where the user stands."""

from __future__ import annotations

import pytest

from converter.cli import example
from converter.training.recipe import read_recipe
from edge_node.errors import DatasetError, DestinationError
from tests.support.subcommands import run


def test_an_example_is_written_once(tmp_path, monkeypatch, capsys):
    """Into this folder under its own name; what stands there is not replaced without --force."""
    monkeypatch.chdir(tmp_path)
    assert run(example, "specimens_cascade") == 0
    assert read_recipe(tmp_path / "specimens_cascade.toml").name
    with pytest.raises(DestinationError, match=r"specimens_cascade\.toml: exists already; .*--force"):
        run(example, "specimens_cascade.toml")
    assert run(example, "specimens_cascade.toml", "--force") == 0
    assert run(example, "cascade", "--out", "in/mine.toml") == 0
    capsys.readouterr()
    assert run(example, "cascade", "--out", "-") == 0
    assert capsys.readouterr().out == (tmp_path / "in" / "mine.toml").read_text(encoding="utf-8")


def test_examples_are_listed_with_what_they_are(capsys):
    """Each with its first line; a name that is none of them is told those that are."""
    assert run(example) == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert listed == {"cascade", "default_cascade", "specimens_cascade"}
    with pytest.raises(DatasetError, match="steel: no such example; there are cascade, default_cascade"):
        run(example, "steel")


def test_an_example_tells_how_it_is_used():
    """Its own lines name `converter convert`, because `convert` alone is another program on many machines."""
    for text in example.read_examples().values():
        assert "converter convert --quantize" in text
        assert "converter example" in text
