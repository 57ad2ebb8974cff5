"""Robots that are kept out, on the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from edge_node.cli.control_room import refuse
from edge_node.control_room.history.history import History

if TYPE_CHECKING:
    from pathlib import Path


def test_several_are_refused_at_once(tmp_path: Path) -> None:
    """Also robots that nobody has heard yet."""
    parser = argparse.ArgumentParser()
    refuse.add_arguments(parser)
    args = parser.parse_args(
        ["quay/a", "quay/b", "--state-dir", str(tmp_path)], argparse.Namespace(config=None, state_dir=None)
    )
    assert refuse.run(args) == 0
    history = History(tmp_path)
    assert history.admissions() == {("quay", "a"): "refused", ("quay", "b"): "refused"}
    history.close()
