"""Load the bundle that decides: the store's current one, or the one behind it if it does not load."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from edge_node.errors import BundleError, TensorMismatchError, UpdateError
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.loading import prepare_engine
from edge_node.update.bundle_store import now, packaged_version

if TYPE_CHECKING:
    from edge_node.config.sections import BundleConfig
    from edge_node.inference.bundle import Bundle
    from edge_node.inference.engine import Engine
    from edge_node.update.bundle_store import BundleStore
    from edge_node.update.state import SlotId, State

_log = logging.getLogger(__name__)


def load_installed(store: BundleStore, config: BundleConfig) -> Engine:
    """Load the models that decide, and run the golden probe.

    A bundle that does not load is rolled back, and the one behind it is loaded, in the end the one in the
    package. That one also decides while the store's state cannot be read.

    Raises:
        BundleError: not even the bundle in the package loads.
        RuntimeUnavailableError: there is no TFLite runtime, or the delegate does not load.
    """
    while True:
        try:
            slot = store.state().current
        except UpdateError as err:
            _log.error("%s", err)
            return prepare_engine(load_bundle(DEFAULT_BUNDLE), config)
        try:
            return prepare_engine(store.bundle(slot), config)
        except (BundleError, TensorMismatchError) as err:
            if slot is None:
                raise
            roll_back(store, slot, str(err))


def find_slot(store: BundleStore, bundle: Bundle) -> SlotId | None:
    """Return the slot that ``bundle`` was loaded from; None for the one in the package."""
    return bundle.path.name if bundle.path.parent == store.slots else None


def roll_back(store: BundleStore, slot: SlotId, reason: str) -> None:
    """Let the bundle behind ``slot`` decide, if ``slot`` is still the current one."""
    _log.error("rolling back: %s", reason)

    def step(state: State) -> State:
        if state.current != slot:
            return state
        if state.trial is None:
            return state.drop_damaged(reason, now())
        return state.roll_back(reason, now(), factory=packaged_version())

    with store.locked():
        store.change(step)


def note_start(store: BundleStore, config: BundleConfig) -> None:
    """Record a start of the node; a trial with too many unclean ends is rolled back.

    Raises:
        OSError: the state cannot be written.
    """

    def step(state: State) -> State:
        trial = state.trial
        if trial is None:
            return state
        ends = trial.unclean_ends + trial.running
        if ends >= config.trial_starts:
            reason = f"the node ended {ends} times during the trial without a stop"
            return state.roll_back(reason, now(), factory=packaged_version())
        return msgspec.structs.replace(
            state, trial=msgspec.structs.replace(trial, unclean_ends=ends, running=True)
        )

    with store.locked():
        try:
            store.change(step)
        except UpdateError as err:
            _log.error("%s", err)
