"""Load a bundle in its own thread while the one in use goes on."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.inference.engine import Engine

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of a reload: an engine, or the reason for which there is none."""

    engine: Engine | None
    failure: str | None = None


class Reloader:
    """Load the bundle again in its own thread; ``request`` and ``take`` belong to the main thread.

    A new bundle is loaded beside the old one and takes over between two frames, or is refused.

    Attributes:
        signalled: set by a signal handler, which may do nothing else; the main thread calls ``request`` then.
    """

    def __init__(self, load: Callable[[], Engine], signalled: threading.Event | None = None) -> None:
        self.signalled = signalled or threading.Event()
        self._load_engine = load
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loaded: Loaded | None = None
        self._waiting: list[Callable[[Loaded], None]] = []

    def request(self, on_end: Callable[[Loaded], None] | None = None) -> None:
        """Start loading, unless a load is under way; ``take`` calls ``on_end`` with its result."""
        if on_end is not None:
            self._waiting.append(on_end)
        if self._thread is None:
            self._thread = threading.Thread(target=self._load, name="bundle", daemon=True)
            self._thread.start()

    def take(self) -> Loaded | None:
        """Return the result of a reload once, after calling each ``on_end``; None while none has ended."""
        with self._lock:
            loaded, self._loaded = self._loaded, None
        if loaded is None:
            return None
        self._thread = None
        waiting, self._waiting = self._waiting, []
        for on_end in waiting:
            on_end(loaded)
        return loaded

    def _load(self) -> None:
        try:
            loaded = Loaded(self._load_engine())
        except CorrosionError as err:
            loaded = Loaded(None, str(err))
        except Exception as err:  # noqa: BLE001  # no fault of a damaged bundle may stop the old one
            _log.exception("the bundle cannot be loaded")
            loaded = Loaded(None, f"unexpected {type(err).__name__}: {err}")
        with self._lock:
            self._loaded = loaded
