"""``converter classes``: a file for other tools of each stage of a bundle."""

from __future__ import annotations

import pytest

from converter.cli.bundles import classes
from edge_node.errors import BundleError, ConversionError, DestinationError
from edge_node.inference.interpreter import Interpreter
from tests.support.subcommands import run


def test_each_stage_becomes_a_file_beside_a_script(tmp_path, capsys):
    """A second time only --force replaces them, and stages that are not asked for go with the old folder."""
    out = tmp_path / "new" / "classes"
    assert run(classes, "default", out, "--stage", "steel", "--stage", "where") == 0
    assert {path.name for path in out.iterdir()} == {"steel.tflite", "where.tflite", "classify.py"}
    told = capsys.readouterr().out
    assert "240 x 240 RGB bytes to corroded, uncorroded" in told
    assert f"try: python {out}/classify.py {out}/steel.tflite PICTURE.jpg" in told
    with pytest.raises(DestinationError, match="exists already; name another, or replace it with --force"):
        run(classes, "default", out, "--stage", "steel")
    assert run(classes, "default", out, "--stage", "material", "--force") == 0
    assert {path.name for path in out.iterdir()} == {"material.tflite", "classify.py"}
    content = (out / "material.tflite").read_bytes()
    assert [tensor.shape for tensor in Interpreter(content, where="material").outputs] == [(1, 2)]


def test_what_cannot_be_done_is_said_before_anything_is_written(tmp_path, monkeypatch):
    """A stage that is none, no bundle, a folder with a stranger's file, a file, the folder one stands in."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    (tmp_path / "file").touch()
    before = set(tmp_path.rglob("*"))
    with pytest.raises(
        ConversionError, match=r"--stage stele: no such stage; the bundle has material, steel"
    ):
        run(classes, "default", tmp_path / "out", "--stage", "stele")
    with pytest.raises(BundleError, match=r"wanted a bundle folder with bundle\.json, found nothing"):
        run(classes, tmp_path / "absent", tmp_path / "out")
    with pytest.raises(DestinationError, match=r"holds thesis\.tex, which this command did not write"):
        run(classes, "default", tmp_path / "mine", "--force")
    with pytest.raises(DestinationError, match="exists and is no folder"):
        run(classes, "default", tmp_path / "file", "--force")
    monkeypatch.chdir(tmp_path / "mine")
    with pytest.raises(DestinationError, match="is the folder you are in"):
        run(classes, "default", ".", "--force")
    assert set(tmp_path.rglob("*")) == before
