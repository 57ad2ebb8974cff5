"""Begin a start of the daemon: lock the state folder, and load the models while the other parts are imported.

The runtime releases Python's lock while it loads a model and runs the golden probe: with a second core that
costs the start nothing.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.camera.capture.login import sign_in
from edge_node.daemon.bundle_loader import BundleLoader
from edge_node.errors import CameraError, ConfigError
from edge_node.plain_struct import PlainStruct
from edge_node.spool.files import SPOOL_NAME, SpoolLock
from edge_node.state_folder import make_state_folder
from edge_node.view.view import load_view

if TYPE_CHECKING:
    from contextlib import ExitStack

    from edge_node.config.sections import Config
    from edge_node.inference.engine import Engine
    from edge_node.view.view import View

# The loading thread asks for Python's lock after each model; the default of 5 ms would make it wait for the
# imports again and again.
_SWITCH_INTERVAL_S = 0.0005


class ModelLoading:
    """Load the bundle that decides first in a thread; a context manager that waits for the thread's end."""

    def __init__(self, loader: BundleLoader) -> None:
        """Begin to load.

        Args:
            loader: of this node; the caller must not use it before ``result`` returned.
        """
        self.loader = loader
        self._outcome: Engine | Exception = RuntimeError("the models are still being loaded")
        self._thread = threading.Thread(target=self._load, name="models", daemon=True)
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        self._thread.start()

    def __enter__(self) -> ModelLoading:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        self.wait()

    def wait(self) -> None:
        """Wait until the models are loaded, or cannot be."""
        self._thread.join()

    def result(self) -> Engine:
        """Wait for the models and return them, or raise what loading them raised."""
        self.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def _load(self) -> None:
        try:
            self._outcome = self.loader.start()
        except Exception as err:  # noqa: BLE001  `result` raises it
            self._outcome = err


class Begun(PlainStruct, frozen=True):
    """A start whose state folder is locked and whose models are being loaded."""

    state_dir: Path
    lock: SpoolLock
    view: View | None
    loading: ModelLoading


def begin(config: Config, stack: ExitStack, path: Path | None = None) -> Begun:
    """Lock the state folder until ``stack`` ends, and begin to load the models.

    Raises:
        ConfigError: the folder, the camera's source or view, the store of bundles or a key cannot be used.
        SpoolError: another process holds the lock.
    """
    state_dir, lock = lock_state_folder(config, stack)
    # The camera's settings first: a start that they end must not count against a bundle on trial.
    view = load_view(config.camera)
    try:
        sign_in(config.camera)
    except CameraError as err:
        raise ConfigError(f"[camera] source: {err}") from err
    loading = stack.enter_context(ModelLoading(BundleLoader(config, state_dir, path)))
    if config.bundle.threads == "auto":
        loading.wait()  # it measures how many threads pay: undisturbed
    return Begun(state_dir, lock, view, loading)


def lock_state_folder(config: Config, stack: ExitStack) -> tuple[Path, SpoolLock]:
    """Make the state folder if it is missing, and lock it for this process until ``stack`` ends.

    To be called before all else: a second start beside a running node must change nothing.

    Raises:
        ConfigError: this user cannot use the folder.
        SpoolError: another process holds the lock.
    """
    state_dir = make_state_folder(Path(config.node.state_dir))
    return state_dir, stack.enter_context(SpoolLock(state_dir / SPOOL_NAME))
