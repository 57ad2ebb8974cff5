"""From the configuration to models that are ready: loaded, probed, with the best number of threads.

And again while the node runs: a new bundle is loaded beside the old one and takes over between two frames,
or is refused and the old one goes on.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_node import malloc as heap
from edge_node.errors import CorrosionError, RuntimeUnavailableError
from edge_node.inference.bundle import Bundle, bundle_path, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inference.golden_probe import run_probe

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.config.sections import BundleConfig

MOST_THREADS = 4  # the cores of a Raspberry Pi; capture, publishing and the system want some too
_TRIALS = 7  # the median of so many runs decides; the first two warm up
_WARM_UP = 2
_WORTH = 0.95  # another thread takes a core from capture and publishing: it must save 5 % at least

_log = logging.getLogger("edge_node.model")


def load_engine(config: BundleConfig) -> Engine:
    """Return the configured bundle's models, after the golden probe held.

    Raises:
        BundleError: the bundle is not whole, does not load, or computes wrongly here.
        RuntimeUnavailableError: there is no TFLite runtime, or the delegate does not load.
    """
    return ready_engine(load_bundle(bundle_path(config.path)), config)


def ready_engine(bundle: Bundle, config: BundleConfig) -> Engine:
    """Return the models of ``bundle``, after the golden probe held.

    Raises:
        BundleError: the bundle does not load, or computes wrongly here.
        RuntimeUnavailableError: there is no TFLite runtime, or the delegate does not load.
    """
    threads = config.threads
    engine = _fastest(bundle, config) if threads == "auto" else _engine(bundle, config, threads)
    run_probe(engine)
    heap.give_back()
    return engine


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


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


def _engine(bundle: Bundle, config: BundleConfig, threads: int) -> Engine:
    try:
        return Engine(bundle, threads=threads, delegate=config.delegate)
    except RuntimeUnavailableError as err:
        if config.delegate is None or not config.delegate_fallback:
            raise
        _log.warning("%s; running on the processor instead", err)
        return Engine(bundle, threads=threads)


def _fastest(bundle: Bundle, config: BundleConfig) -> Engine:
    """Measure 1, 2, ... threads on the golden picture and return the engine that is worth its cores."""
    engine, chosen = _engine(bundle, config, 1), 1
    best_ms = median_ms(engine)
    loaded = 1
    for loaded in range(2, min(available_cores(), MOST_THREADS) + 1):
        del engine  # one at a time: each keeps a copy of the weights
        engine = _engine(bundle, config, loaded)
        found_ms = median_ms(engine)
        if found_ms < best_ms * _WORTH:
            best_ms, chosen = found_ms, loaded
    if chosen != loaded:
        del engine
        engine = _engine(bundle, config, chosen)
    _log.info("threads = auto: %d (%.1f ms a picture)", chosen, best_ms)
    return engine


def median_ms(engine: Engine) -> float:
    """Return the median time for judging the first golden picture."""
    pixels = engine.bundle.golden.pictures[0]
    times = []
    for _ in range(_WARM_UP + _TRIALS):
        started_s = time.perf_counter()
        engine.judge(pixels)
        times.append((time.perf_counter() - started_s) * 1000)
    return sorted(times[_WARM_UP:])[_TRIALS // 2]
