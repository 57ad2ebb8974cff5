"""The key that signs bundles is replaced: both trusted for a while, then the old one taken off the list."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

import pytest

from edge_node.cli import bundle as bundle_command
from edge_node.cli.robot import check_config
from edge_node.config.sections import example_config, load_config
from edge_node.errors import ConfigError, UpdateError
from edge_node.signing import Signer, fingerprint, load_trusted_keys, make_key_pair
from edge_node.update.bundle_store import BundleStore
from edge_node.update.installed_bundle import load_installed
from tests.support.releases import Maker
from tests.support.subcommands import run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.runtime


class Robot:
    """A robot's configuration, whose list of trusted keys an operator edits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "node.toml"
        (folder / "state").mkdir()

    def trust(self, *keys: str) -> None:
        """Write ``[bundle] trusted_keys`` anew."""
        text = example_config(
            node={"site": "quay", "robot": "crawler-1", "state_dir": str(self.folder / "state")},
            camera={"source": str(self.folder / "a.png")},
            bundle={"path": "store", "trusted_keys": keys},
            mqtt={"hostname": "127.0.0.1"},
        )
        self.file.write_text(text, encoding="utf-8")
        (self.folder / "a.png").touch()

    def bundle(self, *words: object) -> int:
        """Run ``edge-node bundle`` beside this robot."""
        return run(bundle_command, *words, "--config", self.file)

    def start(self) -> str:
        """Load the models as a start of the node does; return the version that decides."""
        config = load_config(self.file)
        store = BundleStore(self.folder / "state" / "store", load_trusted_keys(config.bundle.trusted_keys))
        return load_installed(store, config.bundle).bundle.manifest.version


def test_a_signing_key_is_replaced_in_three_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Trust both; confirm a bundle of the new key; trust the new one alone: nothing falls back on the way."""
    (tmp_path / "keys").mkdir()
    maker, robot = Maker(tmp_path / "keys"), Robot(tmp_path)
    new_public = str(make_key_pair(tmp_path / "keys" / "2027.pem"))
    new = Signer(tmp_path / "keys" / "2027.pem")
    old_print, new_print = fingerprint(maker.signer.key_id), fingerprint(new.key_id)
    robot.trust(maker.public)
    assert robot.bundle("install", maker.bundle("2")) == 0
    assert robot.bundle("confirm") == 0

    by_new = maker.bundle("3", signer=new)
    with pytest.raises(UpdateError, match=f"signed by key {new_print}, which is not among .*{old_print}"):
        robot.bundle("install", by_new)  # the robot does not know the new key yet
    robot.trust(maker.public, new_public)  # 1
    assert robot.start() == "2"
    assert robot.bundle("install", by_new) == 0  # 2
    assert robot.bundle("confirm") == 0
    capsys.readouterr()
    assert robot.bundle("list") == 0
    listed = capsys.readouterr().out
    assert f"current    steel-aluminium-3, signed by key {new_print}" in listed
    assert f"behind it  steel-aluminium-2, signed by key {old_print}" in listed
    assert [line.split()[2] for line in listed.splitlines() if line.startswith("trusts")] == [
        old_print,
        new_print,
    ]

    robot.trust(new_public)  # 3
    assert robot.start() == "3"
    with pytest.raises(UpdateError, match=f"signed by key {old_print}, which is not among"):
        robot.bundle("install", maker.bundle("4"))


def test_taking_the_old_key_away_too_early_is_told_before_the_start(tmp_path: Path) -> None:
    """``check-config`` names the key that still signs what decides; the list says so too."""
    (tmp_path / "keys").mkdir()
    maker, robot = Maker(tmp_path / "keys"), Robot(tmp_path)
    robot.trust(maker.public)
    assert robot.bundle("install", maker.bundle("2")) == 0
    robot.trust(str(make_key_pair(tmp_path / "keys" / "2027.pem")))
    said = f"signed by key {fingerprint(maker.signer.key_id)}, which is not among .*would go back"
    with pytest.raises(ConfigError, match=said):
        check_config.run(Namespace(file=robot.file))


def test_a_file_is_verified_by_its_signers_key_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a workstation there is no node.toml; a lower version and another class are a robot's matter."""
    monkeypatch.chdir(tmp_path)
    maker = Maker(tmp_path)
    file = maker.bundle("1.0", robot_classes=("crawler",))
    with pytest.raises(ConfigError, match=r"away from the robot, --key release.public.pem checks a file"):
        run(bundle_command, "verify", file)
    assert run(bundle_command, "verify", file, "--key", maker.public) == 0
    said = capsys.readouterr().out
    assert f"signed by key {fingerprint(maker.signer.key_id)}, for robots of crawler" in said
    with pytest.raises(UpdateError, match=f"signed by key {fingerprint(maker.signer.key_id)}, which is not"):
        run(bundle_command, "verify", file, "--key", tmp_path / "foreign.public.pem")
    content = bytearray(file.read_bytes())
    content[-2000] ^= 1
    file.write_bytes(content)
    with pytest.raises(UpdateError):
        run(bundle_command, "verify", file, "--key", maker.public)
    with pytest.raises(UpdateError, match="--key checks a signed file"):
        run(bundle_command, "verify", "default", "--key", maker.public)
