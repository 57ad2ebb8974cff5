"""The store of bundles is followed from the reload on that names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.daemon.store_watch import StoreWatch
from edge_node.inference.reloader import Reloader
from tests.edge_node.daemon.test_bundle_loader import Site, version

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.daemon.bundle_loader import BundleLoader


def test_a_trial_is_counted_from_the_reload_on_that_named_the_store(tmp_path: Path) -> None:
    """Before, nobody follows the store; after a reload back to a folder, nobody does again."""
    site = Site(tmp_path)
    site.write()
    loader: BundleLoader = site.loader()
    events = []
    reloader = Reloader(loader.load, reread=loader.reread)
    with StoreWatch(loader, reloader, loader.load().bundle, events.append) as watch:
        site.robot.install(site.maker.bundle("2"))
        watch.look(0.0)
        assert (watch.text, watch.is_on_trial, events) == ("", False, [])
        assert not watch.count_failure(ValueError())
        site.write(bundle=site.from_store())
        loaded = loader.reread()
        loaded.take_over()
        watch.on_reload(loaded.engine.bundle)
        watch.look(1.0)
        assert "is on trial" in watch.text
        assert watch.is_on_trial
        assert [event.step.value for event in events] == ["installed"]
        assert watch.count_failure(ValueError())
        watch.on_reload(None)  # a reload that was refused
        assert "is on trial" in watch.text
        site.write()
        loaded = loader.reread()
        loaded.take_over()
        watch.on_reload(loaded.engine.bundle)
        assert version(loaded.engine) != "2"
        assert watch.text == ""
        assert site.robot.store.state().trial.running is False


def test_a_bundle_that_is_rolled_back_answers_for_its_frames_until_it_is_replaced(tmp_path: Path) -> None:
    """It judges while the one before it is loaded; that its frames still fail must not end the node."""
    site = Site(tmp_path)
    site.robot.install(site.maker.bundle("2"))
    site.write(bundle=site.from_store())
    loader: BundleLoader = site.loader()
    reloader = Reloader(loader.load, reread=loader.reread)
    with StoreWatch(loader, reloader, loader.start().bundle, lambda _event: None) as watch:
        for _ in range(100):
            assert watch.count_failure(ValueError())
        assert not watch.is_on_trial
        watch.on_reload(loader.load().bundle)
        assert not watch.count_failure(ValueError())
