"""What a reload takes of a changed configuration, what it names, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.config.sections import example_config, load_config
from edge_node.daemon.bundle_loader import BundleLoader
from edge_node.errors import ConfigError, UpdateError
from edge_node.update.installed_bundle import find_slot
from tests.support.releases import PACKAGED_VERSION, Maker, Robot, changed_bundle

if TYPE_CHECKING:
    from pathlib import Path


class Site:
    """A robot's configuration, its store, and a workstation that signs for it."""

    def __init__(self, folder: Path) -> None:
        self.maker = Maker(folder)
        self.robot = Robot(folder / "state", self.maker)
        self.path = folder / "node.toml"
        self.folder = folder

    def write(self, **sections) -> None:
        """Write the configuration."""
        given = {
            "node": {"site": "quay", "robot": "crawler-1", "state_dir": str(self.folder / "state")},
            "bundle": {"path": "default"},
            "mqtt": {"hostname": "127.0.0.1"},
        }
        self.path.write_text(example_config(**{**given, **sections}), encoding="utf-8")

    def from_store(self, **more):
        """Return a [bundle] section that names the store."""
        return {"path": "store", "trusted_keys": [self.maker.public], **more}

    def loader(self) -> BundleLoader:
        """Return a loader that has started on what was written."""
        made = BundleLoader(load_config(self.path), self.folder / "state", self.path)
        made.note_in_use(made.start().bundle)
        return made

    def without_aluminium(self) -> Path:
        """Return a bundle that knows no aluminium."""

        def change(manifest):
            for stage in manifest["cascade"]["stages"]:
                for meaning in stage["meanings"].values():
                    if meaning.get("material") == "aluminium":
                        meaning["material"] = "zinc"

        return changed_bundle(self.folder / "zinc", change)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A robot that runs the bundle in the package."""
    made = Site(tmp_path)
    made.write()
    return made


def version(engine) -> str:
    """Return the version of an engine's bundle."""
    return engine.bundle.manifest.version


def test_a_reload_takes_the_bundle_that_the_configuration_names_now(site: Site) -> None:
    """``path = "store"`` written after the start, and a bundle installed: the reload runs it."""
    loader = site.loader()
    site.robot.install(site.maker.bundle("2"))
    assert version(loader.load()) == PACKAGED_VERSION  # what an event of the store loads: nothing was read
    site.write(bundle=site.from_store(), inspect={"dark_below": 1.0})
    loaded = loader.reread()
    assert version(loaded.engine) == "2"
    assert loaded.config.inspect.dark_below == 1.0
    assert loaded.config.sha256 == load_config(site.path).sha256
    assert loaded.note == (
        "changed and needs a restart: [bundle] path for bundles over MQTT,"
        " [bundle] trusted_keys for bundles over MQTT"
    )
    assert version(loader.load()) == PACKAGED_VERSION  # until it has taken over
    loaded.take_over()
    assert version(loader.load()) == "2"
    site.write()
    back = loader.reread()
    assert version(back.engine) == PACKAGED_VERSION
    assert back.note == ""


def test_a_reload_names_each_key_that_it_does_not_take(site: Site) -> None:
    """Also in the second reload, as long as the node runs with the old value; values are not shown."""
    loader = site.loader()
    secret = "rtsp://10.0.0.5/live?password=hunter2"  # noqa: S105  of a test
    site.write(camera={"source": secret, "fps": 5.0}, mqtt={"hostname": "other"}, shadow={"path": "default"})
    for _ in range(2):
        loaded = loader.reread()
        loaded.take_over()
        assert loaded.note == (
            "changed and needs a restart: [camera] source, [camera] fps, [shadow] path, [mqtt] hostname"
        )
    assert loader.config.camera.source == "/dev/video0"


@pytest.mark.parametrize(
    "text", ["no TOML", '[node]\nsite = "quay"', "[bundle]\npath = 1", None, '[bundle]\npath = "/none"']
)
def test_a_configuration_that_cannot_be_used_changes_nothing(site: Site, text: str | None) -> None:
    """The node goes on with the one that it has."""
    loader = site.loader()
    if text is None:
        site.path.unlink()
    else:
        site.path.write_text(text)
    with pytest.raises(ConfigError):
        loader.reread()
    assert version(loader.load()) == PACKAGED_VERSION


def test_a_bundle_that_lacks_the_configured_material_is_refused(site: Site) -> None:
    """In a reload as in an installation, with a sentence that names what it knows; a start would end."""
    site.write(inspect={"material": "aluminium"})
    loader = site.loader()
    lacking = site.without_aluminium()
    site.write(inspect={"material": "aluminium"}, bundle={"path": str(lacking)})
    with pytest.raises(ConfigError, match="material 'aluminium': wanted auto, or what the bundle knows"):
        loader.reread()
    site.write(inspect={"material": "unobtainium"})
    with pytest.raises(ConfigError, match="unobtainium"):
        loader.reread()
    assert version(loader.load()) == PACKAGED_VERSION
    robot = Robot(site.folder / "state", site.maker, material="aluminium")
    with pytest.raises(UpdateError, match="material 'aluminium'"):
        robot.install(site.maker.bundle("2", source=lacking))
    assert robot.store.state().current is None


@pytest.mark.parametrize("starts", [False, True])
def test_a_trial_that_cannot_serve_the_configuration_is_rolled_back(site: Site, starts: bool) -> None:
    """A bundle got into the store before the material was configured: the one behind it decides."""
    site.write(bundle=site.from_store(), inspect={"material": "aluminium"})
    loader = site.loader()
    site.robot.install(site.maker.bundle("2", source=site.without_aluminium()))
    if starts:
        loader = site.loader()
    assert version(loader.load()) == PACKAGED_VERSION
    state = site.robot.store.state()
    assert (state.current, state.trial) == (None, None)
    assert "material 'aluminium'" in state.rejected[0].reason


def test_a_trial_in_use_is_not_ended_by_a_mistake_in_the_configuration(site: Site) -> None:
    """The reload is refused, and the bundle on trial goes on."""
    site.write(bundle=site.from_store())
    site.robot.install(site.maker.bundle("2", source=site.without_aluminium()))
    loader = site.loader()
    site.write(bundle=site.from_store(), inspect={"material": "aluminium"})
    with pytest.raises(ConfigError):
        loader.reread()
    engine = loader.load()
    assert version(engine) == "2"
    assert site.robot.store.state().current == find_slot(site.robot.store, engine.bundle)
