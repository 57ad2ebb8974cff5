"""Options of all processes of a room."""

from __future__ import annotations

import argparse
import logging
from typing import TYPE_CHECKING

import pytest

from edge_node.cli.control_room.scale.scale_options import add_scale_options, read_settings
from edge_node.errors import ConfigError
from tests.edge_node.cli.control_room.scale.test_ingest import MINIMAL

if TYPE_CHECKING:
    from pathlib import Path


def test_the_configuration_is_wanted_and_the_level_of_the_log_is_set(tmp_path: Path) -> None:
    """There is no broker option: all processes read one file, so that they are one room."""
    parser = argparse.ArgumentParser()
    add_scale_options(parser)
    with pytest.raises(ConfigError, match="wanted --config FILE"):
        read_settings(parser.parse_args([]))
    (tmp_path / "room.toml").write_text(MINIMAL.format(tmp_path))
    before = logging.getLogger("edge_node").level
    settings = read_settings(
        parser.parse_args(["--config", str(tmp_path / "room.toml"), "--log-level", "error"])
    )
    assert settings.room.state_dir == f"{tmp_path}/state"
    assert logging.getLogger("edge_node").level == logging.ERROR
    logging.getLogger("edge_node").setLevel(before)
