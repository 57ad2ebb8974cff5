"""Load the bundle that the configuration names, and read the configuration again when that is asked.

A reload takes ``[bundle]`` and ``[inspect]``: what decides. Every other key that was changed is named,
because it needs a restart. The bundle in use goes on until the new one is loaded and fits the configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_node.config.sections import SECTIONS, load_config
from edge_node.errors import ConfigError, UpdateError
from edge_node.inference.bundle import STORE_NAME
from edge_node.inference.loading import load_engine
from edge_node.inference.reloader import Loaded
from edge_node.inspection.inspector import configured_inspector

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.config.sections import BundleConfig, Config
    from edge_node.inference.bundle import Bundle
    from edge_node.inference.engine import Engine
    from edge_node.update.bundle_store import BundleStore

_TAKEN = ("bundle", "inspect")  # sections
_OF_FETCHING = ("path", "trusted_keys", "robot_class", "max_update_mb")  # of [bundle], for bundles over MQTT


class BundleLoader:
    """Load bundles for one node; ``start`` in the main thread, ``load`` and ``reread`` in the reloader's.

    Attributes:
        config: of the node, with the sections that the last reload took.
        store: the installed bundles; None where ``[bundle] path`` names a folder.
    """

    def __init__(self, config: Config, state_dir: Path, path: Path | None = None) -> None:
        """Use the store in ``state_dir`` if the configuration names it.

        Args:
            config: of the node.
            state_dir: its state folder.
            path: the configuration's file; without it a reload does not read it again.

        Raises:
            ConfigError: the store or a key cannot be used.
        """
        self._state_dir = state_dir
        self._path = path
        self._started_with = config
        self._in_use: Bundle | None = None
        self.config = config
        self.store = self._open_store(config.bundle)

    def start(self) -> Engine:
        """Load the bundle that decides first; a trial that keeps crashing is ended before."""
        if self.store is not None:
            from edge_node.update.installed_bundle import note_start

            note_start(self.store, self.config.bundle)
        return self.load()

    def load(self) -> Engine:
        """Load the bundle that decides by the configuration in use.

        Raises:
            BundleError, ConfigError, RuntimeUnavailableError: it cannot be loaded, or does not fit.
        """
        return self._load(self.config, self.store)

    def reread(self) -> Loaded:
        """Read the configuration again, and load the bundle that decides by it.

        Raises:
            BundleError, ConfigError, RuntimeUnavailableError: nothing is taken.
        """
        fresh = load_config(self._path) if self._path is not None else self.config
        taken = {name: getattr(fresh, name) for name in _TAKEN}
        config = msgspec.structs.replace(self.config, **taken, sha256=fresh.sha256)
        store = self.store if config.bundle == self.config.bundle else self._open_store(config.bundle)
        engine = self._load(config, store)

        def take_over() -> None:
            self.config, self.store, self._in_use = config, store, engine.bundle

        changed = list_restart_keys(self._started_with, fresh)
        note = f"changed and needs a restart: {', '.join(changed)}" if changed else ""
        return Loaded(engine, note=note, config=config, take_over=take_over)

    def note_in_use(self, bundle: Bundle) -> None:
        """Note that ``bundle`` decides from now on."""
        self._in_use = bundle

    def _load(self, config: Config, store: BundleStore | None) -> Engine:
        while True:
            engine = _load_engine(config.bundle, store)
            try:
                configured_inspector(config.inspect, engine)
            except ConfigError as err:
                if store is None or not self._end_trial(store, engine.bundle, str(err)):
                    raise
            else:
                return engine

    def _end_trial(self, store: BundleStore, bundle: Bundle, reason: str) -> bool:
        """Roll back a bundle on trial that does not fit the configuration, unless it decides already."""
        from edge_node.update.installed_bundle import find_slot, roll_back

        slot, in_use = find_slot(store, bundle), self._in_use
        if slot is None or (in_use is not None and find_slot(store, in_use) == slot):
            return False
        try:
            state = store.state()
        except UpdateError:
            return False
        if state.trial is None or state.current != slot:
            return False
        roll_back(store, slot, reason)
        return True

    def _open_store(self, config: BundleConfig) -> BundleStore | None:
        if config.path != STORE_NAME:
            return None
        # Here and above not by every node: the imports take 10 ms of a start.
        from edge_node.signing import load_trusted_keys
        from edge_node.update.bundle_store import BundleStore

        return BundleStore(self._state_dir / STORE_NAME, load_trusted_keys(config.trusted_keys))


def _load_engine(config: BundleConfig, store: BundleStore | None) -> Engine:
    if store is None:
        return load_engine(config)
    from edge_node.update.installed_bundle import load_installed

    return load_installed(store, config)


def list_restart_keys(old: Config, new: Config) -> list[str]:
    """Return the keys that differ and that no reload takes, as ``[section] key``."""
    changed = [
        f"[{section}] {key}"
        for section, kind in SECTIONS.items()
        if section not in _TAKEN
        for key in kind.__struct_fields__
        if getattr(getattr(old, section), key) != getattr(getattr(new, section), key)
    ]
    if STORE_NAME in (old.bundle.path, new.bundle.path) and new.commands.accept:
        changed += [
            f"[bundle] {key} for bundles over MQTT"
            for key in _OF_FETCHING
            if getattr(old.bundle, key) != getattr(new.bundle, key)
        ]
    if new.shadow.path is not None and old.inspect != new.inspect:
        changed.append("[inspect] for the shadow")
    return changed
