"""Load a bundle in a thread of its own while the one in use goes on."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_node.errors import CorrosionError
from edge_node.inference.loading import _log

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.inference.engine import Engine


@dataclass(frozen=True, slots=True)
class Loaded:
    """The end of a reload: an engine, or why there is none."""

    engine: Engine | None
    failure: str | None = None


class Reloader:
    """Loads the bundle again in a thread of its own; asked and emptied by the main thread.

    Attributes:
        asked: set by a signal handler, which may do no more than that.
    """

    def __init__(self, load: Callable[[], Engine], asked: threading.Event | None = None) -> None:
        self.asked = asked or threading.Event()
        self._load_engine = load
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loaded: Loaded | None = None
        self._waiting: list[Callable[[Loaded], None]] = []

    def request(self, on_end: Callable[[Loaded], None] | None = None) -> None:
        """Begin to load, or join a load that is under way; ``on_end`` is called by ``take``."""
        if on_end is not None:
            self._waiting.append(on_end)
        if self._thread is None:
            self._thread = threading.Thread(target=self._load, name="bundle", daemon=True)
            self._thread.start()

    def take(self) -> Loaded | None:
        """Return what a reload gave, once; None while none has ended. Tells whoever waits."""
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
        except Exception as err:  # noqa: BLE001  # whatever a damaged bundle does, the old one goes on
            _log.exception("the bundle cannot be loaded")
            loaded = Loaded(None, f"unexpected {type(err).__name__}: {err}")
        with self._lock:
            self._loaded = loaded
