"""The bundle with which a configured node would judge, read without changing its store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.cli import bundle as bundle_command
from edge_node.cli.bundle_in_use import load_bundle_in_use
from edge_node.config.sections import example_config, parse_config
from edge_node.errors import BundleError, ConfigError
from edge_node.signing import load_trusted_keys
from tests.support.releases import PACKAGED_VERSION, Maker, Robot
from tests.support.subcommands import run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.runtime


def test_it_is_the_installed_one_or_the_packages(tmp_path: Path) -> None:
    """Before anything was installed the package's, and no store is made; then what decides."""
    (tmp_path / "keys").mkdir()
    maker = Maker(tmp_path / "keys")
    node = {"site": "quay", "robot": "crawler-1", "state_dir": str(tmp_path / "state")}
    text = example_config(
        node=node, bundle={"path": "store", "trusted_keys": [maker.public]}, mqtt={"hostname": "h"}
    )
    config = parse_config(text.encode(), "node.toml")
    keys = load_trusted_keys(config.bundle.trusted_keys)
    assert load_bundle_in_use(config, keys).manifest.version == PACKAGED_VERSION
    assert not (tmp_path / "state").exists()
    robot = Robot(tmp_path / "state", maker)
    robot.install(maker.bundle("2"))
    assert load_bundle_in_use(config, keys).manifest.version == "2"
    with pytest.raises(BundleError, match=r"which is not among .*would go back to the bundle behind it"):
        load_bundle_in_use(config, ())


def test_a_store_that_cannot_be_looked_at_is_one_sentence(tmp_path: Path) -> None:
    """Such as that of another user: nothing else is taken for it."""
    node = {"site": "quay", "robot": "crawler-1", "state_dir": str(tmp_path / ("x" * 300))}
    bundle = {"path": "store", "trusted_keys": ["key.pem"]}
    config = parse_config(example_config(node=node, bundle=bundle, mqtt={"hostname": "h"}).encode(), "f")
    with pytest.raises(ConfigError, match=r"/store: .*; run this as the node's user, or as root"):
        load_bundle_in_use(config, ())


def test_verify_without_a_name_verifies_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside what ``init`` writes nothing is installed, and the bundle of the package decides."""
    node = {"site": "quay", "robot": "crawler-1", "state_dir": str(tmp_path / "state")}
    file = tmp_path / "node.toml"
    file.write_text(example_config(node=node, bundle={"path": "default"}, mqtt={"hostname": "h"}))
    assert run(bundle_command, "verify", "--config", file) == 0
    assert f"default: good. steel-aluminium {PACKAGED_VERSION}, 1 model, " in capsys.readouterr().out
