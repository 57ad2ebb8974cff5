"""Load the bundle with which a configured node would judge, without changing its store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.errors import BundleError, ConfigError
from edge_node.inference.bundle import DEFAULT_BUNDLE, STORE_NAME, Bundle, load_bundle, resolve_bundle_path
from edge_node.update.bundle_store import BundleStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.config.sections import Config
    from edge_node.signing import TrustedKey


def load_bundle_in_use(config: Config, keys: Sequence[TrustedKey]) -> Bundle:
    """Return the bundle that would decide; the one in the package if nothing was installed yet.

    Raises:
        BundleError: it cannot be used, or no trusted key signed it.
        ConfigError: the store is another user's, or cannot be looked at.
    """
    if config.bundle.path != STORE_NAME:
        return load_bundle(resolve_bundle_path(config.bundle.path))
    folder = Path(config.node.state_dir) / STORE_NAME
    try:
        is_used = (folder / "slots").is_dir()
    except OSError as err:
        why = f"{err.strerror or err}; run this as the node's user, or as root"
        raise ConfigError(f"[node] state_dir: {folder}: {why}") from err
    if not is_used:
        return load_bundle(DEFAULT_BUNDLE)
    store = BundleStore(folder, keys)
    slot = store.state().current
    try:
        return store.bundle(slot)
    except BundleError as err:
        raise BundleError(f"{err}; `edge-node run` would go back to the bundle behind it") from err
