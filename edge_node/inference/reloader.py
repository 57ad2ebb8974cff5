"""Load a bundle in its own thread while the one in use goes on."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from edge_node.errors import CorrosionError
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.config.sections import Config
    from edge_node.inference.engine import Engine

_log = logging.getLogger(__name__)


class Loaded(PlainStruct, frozen=True):
    """The result of a reload: an engine, or the reason for which there is none.

    Attributes:
        note: what the reload did not take, in a sentence; empty if it took everything.
        config: the configuration that was read again; None if it was not.
        take_over: called when the engine decides from now on.
    """

    engine: Engine | None
    failure: str | None = None
    note: str = ""
    config: Config | None = None
    take_over: Callable[[], None] = lambda: None


class Reloader:
    """Load the bundle again in its own thread; ``request`` and ``take`` belong to the main thread.

    A new bundle is loaded beside the old one and takes over between two frames, or is refused.

    Attributes:
        signalled: set by a signal handler, which may do nothing else; the main thread calls ``request`` then.
    """

    def __init__(
        self,
        load: Callable[[], Engine],
        signalled: threading.Event | None = None,
        *,
        reread: Callable[[], Loaded] | None = None,
    ) -> None:
        """Prepare.

        Args:
            load: loads the bundle that the configuration in use names.
            signalled: see above.
            reread: reads the configuration again before; without it a reload does not.
        """
        self.signalled = signalled or threading.Event()
        self._load_engine = load
        self._reread = reread or (lambda: Loaded(load()))
        self._rereads_next = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loaded: Loaded | None = None
        self._is_rereading = False
        self._waiting: list[Callable[[Loaded], None]] = []
        self._waiting_next: list[Callable[[Loaded], None]] = []

    def request(self, on_end: Callable[[Loaded], None] | None = None, *, with_config: bool = False) -> None:
        """Start loading, unless a load is under way.

        Args:
            on_end: ``take`` calls it with the result.
            with_config: read the configuration again before; after a load without it that is under way.
        """
        if self._thread is not None and with_config and not self._is_rereading:
            self._rereads_next = True
            self._waiting_next += [on_end] if on_end is not None else []
            return
        if on_end is not None:
            self._waiting.append(on_end)
        if self._thread is None:
            self._is_rereading = with_config
            load = self._reread if with_config else lambda: Loaded(self._load_engine())
            self._thread = threading.Thread(target=self._load, args=(load,), name="bundle", daemon=True)
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
        if self._rereads_next:
            self._rereads_next = False
            self._waiting, self._waiting_next = self._waiting_next, []
            self.request(with_config=True)
        return loaded

    def _load(self, load: Callable[[], Loaded]) -> None:
        try:
            loaded = load()
        except CorrosionError as err:
            loaded = Loaded(None, str(err))
        except Exception as err:  # noqa: BLE001  # no fault of a damaged bundle may stop the old one
            _log.exception("the bundle cannot be loaded")
            loaded = Loaded(None, f"unexpected {type(err).__name__}: {err}")
        with self._lock:
            self._loaded = loaded
