"""The store of bundles: a slot is held against its signature whenever it is loaded."""

from __future__ import annotations

import os

import pytest

from edge_node.errors import ConfigError, UpdateError
from edge_node.signing import load_trusted_keys, make_key_pair
from edge_node.update.bundle_store import BundleStore
from tests.support.attacks import confirmed, refused

pytestmark = pytest.mark.runtime


def test_swapped_between_check_and_load(robot, good):
    """A slot is held against its signature whenever it is loaded; what is loaded is what was hashed."""
    robot.install(good)
    slot = robot.store.state().current
    model = robot.store.slots / slot / "model.tflite"
    content = model.read_bytes()
    bundle = robot.store.bundle(slot)
    model.write_bytes(content[:-1] + b"\xff")
    assert bundle.models["model.tflite"] == content
    with pytest.raises(UpdateError, match=r"model.tflite: is not what was signed"):
        robot.store.bundle(slot)
    model.unlink()
    model.symlink_to("/etc/passwd")
    with pytest.raises(UpdateError, match="Too many levels of symbolic links"):
        robot.store.bundle(slot)


def test_a_slot_under_the_name_of_another(robot, maker, good):
    """Two good bundles, one put in the other's place."""
    confirmed(robot, good)
    robot.install(maker.bundle("3"))
    state = robot.store.state()
    (robot.store.slots / state.current).rename(robot.store.path / "aside")
    (robot.store.slots / state.previous).rename(robot.store.slots / state.current)
    with pytest.raises(UpdateError, match="holds another bundle than it is named for"):
        robot.store.bundle(state.current)


def test_a_key_that_is_not_trusted_any_more(robot, maker, good, tmp_path):
    """Taking a key away takes its bundles away."""
    robot.install(good)
    other = BundleStore(robot.store.path, load_trusted_keys([str(make_key_pair(tmp_path / "new.pem"))]))
    with pytest.raises(UpdateError, match="which is not among"):
        other.bundle(other.state().current)


def test_a_store_of_somebody_else(robot, maker):
    """Whoever owns the folder could change what was checked: owner, group, link."""
    path, keys = robot.store.path, robot.store.keys
    path.chmod(0o777)
    with pytest.raises(ConfigError, match="others can write to it"):
        BundleStore(path, keys)
    path.chmod(0o700)
    link = path.parent / "link"
    link.symlink_to(path)
    with pytest.raises(ConfigError, match="perhaps a link"):
        BundleStore(link, keys)
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
        with pytest.raises(ConfigError, match="belongs to user 12345"):
            BundleStore(path, keys)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"null", b'{"format": 2}', b'{"current": "' + b"0" * 64 + b'"}', b"[" * 100_000]
)
def test_a_damaged_state_is_never_guessed(robot, good, content):
    """The versions that were seen are in it: without it nothing is installed."""
    (robot.store.path / "state.json").write_bytes(content)
    assert "state.json: " in refused(robot, good)
