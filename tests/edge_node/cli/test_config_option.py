"""Which configuration a subcommand of the robot means: the given one, ``./node.toml``, the service's."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

import pytest

from edge_node.cli import config_option
from edge_node.cli.config_option import add_config_option, find_config, load_chosen_config
from edge_node.cli.robot import audit, spool
from edge_node.config.delivery_sections import SpoolConfig
from edge_node.config.sections import example_config
from edge_node.errors import ConfigError, CorrosionError
from edge_node.messages.topics import Kind
from edge_node.spool.spool import Spool
from tests.support.subcommands import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of a computer on which no service is installed."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(config_option, "SERVICE_CONFIG", tmp_path / "etc.toml")
    monkeypatch.setattr(spool, "SERVICE_FOLDER", tmp_path / "var")
    return tmp_path / "here"


def written(path: Path, state_dir: Path) -> Path:
    """Write a configuration with this state folder."""
    node = {"site": "quay", "robot": "crawler-1", "state_dir": str(state_dir)}
    path.write_text(
        example_config(node=node, bundle={"path": "default"}, mqtt={"hostname": "h"}), encoding="utf-8"
    )
    return path


def test_the_nearest_configuration_is_meant(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the documented order; where two could be meant, the one that is used is named."""
    with pytest.raises(ConfigError, match=r"neither \./node.toml nor .*etc.toml is there; .*--config FILE"):
        find_config(None)
    service = written(here.parent / "etc.toml", here / "s")
    assert find_config(None) == service
    written(here / "node.toml", here / "l")
    assert capsys.readouterr().err == ""
    assert find_config(None).resolve() == here / "node.toml"
    assert capsys.readouterr().err == f"edge-node: using ./node.toml, not {service}\n"
    assert find_config(here / "other.toml") == here / "other.toml"
    parser = ArgumentParser()
    add_config_option(parser)
    assert load_chosen_config(parser.parse_args([])).node.state_dir == str(here / "l")
    with pytest.raises(ConfigError, match=r"absent.toml: No such file"):
        load_chosen_config(parser.parse_args(["--config", "absent.toml"]))


def test_beside_its_node_toml_a_command_needs_no_option(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``spool export`` and ``audit`` as the guide writes them, where ``init`` was run."""
    written(here / "node.toml", here / "state")
    with pytest.raises(CorrosionError, match="no audit there"):
        run(audit)
    with pytest.raises(CorrosionError, match="no spool there"):
        run(spool, "status")
    opened = Spool.open(here / "state" / "spool.sqlite", SpoolConfig())
    opened.append(Kind.VERDICT, lambda seq: b'{"seq":%d}' % seq)
    assert opened.flush(5)
    opened.close()
    assert run(spool, "export", "--out", "mission.jsonl") == 0
    assert (here / "mission.jsonl").read_text() == '{"seq":1}\n'
    assert capsys.readouterr().err == "1 row written to mission.jsonl\n"


def test_what_a_service_recorded_is_found_without_its_configuration(here: Path) -> None:
    """The folder of the service counts where its configuration is gone; a wrong one is never passed over."""
    opened = Spool.open(here.parent / "var" / "spool.sqlite", SpoolConfig())
    opened.close()
    assert run(spool, "status") == 0
    (here / "node.toml").write_text("[node]\n")
    with pytest.raises(ConfigError, match=r"node.toml: \[node\] site is missing"):
        spool.find_state_dir(Namespace(config=None))


def test_root_takes_no_configuration_that_another_user_left(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder of everybody's it would name the keys to trust; who used sudo means their own."""
    if os.geteuid() != 0:
        pytest.skip("needs root to give a file away")
    os.chown(written(here / "node.toml", here / "s"), 1234, 1234)
    monkeypatch.delenv("SUDO_UID", raising=False)
    with pytest.raises(ConfigError, match=r"\./node.toml belongs to user 1234; .*--config node.toml"):
        find_config(None)
    monkeypatch.setenv("SUDO_UID", "1234")
    assert find_config(None).resolve() == here / "node.toml"
