"""``converter model-card``: into the bundle's folder, which still loads."""

from __future__ import annotations

import argparse
import shutil

import pytest

from converter.cli.bundles import model_card
from edge_node.errors import DatasetError
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle


def _run(*arguments):
    parser = argparse.ArgumentParser()
    model_card.add_arguments(parser)
    parser.set_defaults(run=model_card.run)  # as the command does
    args = parser.parse_args([str(argument) for argument in arguments])
    return args.run(args)


def test_the_card_is_written_into_the_bundle(tmp_path, capsys):
    """Also without any figures: what the manifest says; the bundle is the same one for robots."""
    folder, words = tmp_path / "bundle", tmp_path / "words.md"
    shutil.copytree(DEFAULT_BUNDLE, folder)
    words.write_text("Said by hand.", encoding="utf-8")
    before = load_bundle(folder).reference
    assert _run(folder, "--words", words) == 0
    assert f"wrote {folder / 'MODEL_CARD.md'}" in capsys.readouterr().out
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.startswith(f"# {before.name} {before.version}\n")
    assert "Said by hand." in card
    assert load_bundle(folder).reference == before


def test_an_evaluation_without_a_name_is_asked_for(tmp_path):
    """The card has to call the pictures something."""
    with pytest.raises(DatasetError, match=r"--evaluation e\.json: wanted NAME=FILE"):
        _run(DEFAULT_BUNDLE, "--evaluation", "e.json")
