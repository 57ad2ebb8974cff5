"""``edge-node version``: every part with its version."""

from __future__ import annotations

import argparse
import json

import pytest

from edge_node import __version__
from edge_node.cli import version
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle


@pytest.mark.runtime
def test_programs_and_people_are_told_the_same(capsys) -> None:
    """Keys with _ for programs, aligned lines for people."""
    parser = argparse.ArgumentParser()
    version.add_arguments(parser)
    assert version.run(parser.parse_args(["--json"])) == 0
    found = json.loads(capsys.readouterr().out)
    manifest = load_bundle(DEFAULT_BUNDLE).manifest
    assert found["edge_node"] == __version__
    assert found["default_bundle"] == f"{manifest.name} {manifest.version}"
    assert found["backbone"] == (manifest.backbone or "the bundle does not say")
    assert found["xnnpack"] in ("active", "not active")
    assert version.run(parser.parse_args([])) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == [value.split()[-1] for value in found.values()]
    assert len(lines) == len(found)
