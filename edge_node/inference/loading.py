"""Load the configured bundle's models, run the golden probe and choose the number of threads."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

from edge_node import malloc
from edge_node.errors import RuntimeUnavailableError
from edge_node.inference.bundle import Bundle, load_bundle, resolve_bundle_path
from edge_node.inference.engine import Engine
from edge_node.inference.golden_probe import run_probe

if TYPE_CHECKING:
    from edge_node.config.sections import BundleConfig

MAX_THREADS = 4  # the cores of a Raspberry Pi; capture, publishing and the system need some too
_TRIALS = 7  # runs of which the median counts
_WARM_UP = 2  # runs before them
_WORTH_A_THREAD = 0.95  # another thread takes a core from capture and publishing: it must save at least 5 %

_log = logging.getLogger(__name__)


def load_engine(config: BundleConfig) -> Engine:
    """Load the configured bundle's models and run the golden probe.

    Raises:
        BundleError: the bundle is not whole, does not load, or computes wrongly here.
        RuntimeUnavailableError: there is no TFLite runtime, or the delegate does not load.
    """
    return prepare_engine(load_bundle(resolve_bundle_path(config.path)), config)


def prepare_engine(bundle: Bundle, config: BundleConfig) -> Engine:
    """Load the models of ``bundle`` and run the golden probe.

    Raises:
        BundleError: the bundle does not load, or computes wrongly here.
        RuntimeUnavailableError: there is no TFLite runtime, or the delegate does not load.
    """
    threads = config.threads
    engine = _load_fastest(bundle, config) if threads == "auto" else _load(bundle, config, threads)
    run_probe(engine)
    malloc.trim()
    return engine


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def _load(bundle: Bundle, config: BundleConfig, threads: int) -> Engine:
    try:
        return Engine(bundle, threads=threads, delegate=config.delegate)
    except RuntimeUnavailableError as err:
        if config.delegate is None or not config.delegate_fallback:
            raise
        _log.warning("%s; running on the processor instead", err)
        return Engine(bundle, threads=threads)


def _load_fastest(bundle: Bundle, config: BundleConfig) -> Engine:
    """Measure 1, 2, ... threads on a golden picture; return the engine with the fewest that pay."""
    engine, chosen = _load(bundle, config, 1), 1
    best_ms = measure_median_ms(engine)
    loaded = 1
    for loaded in range(2, min(available_cores(), MAX_THREADS) + 1):
        del engine  # one at a time: each keeps a copy of the weights
        engine = _load(bundle, config, loaded)
        found_ms = measure_median_ms(engine)
        if found_ms < best_ms * _WORTH_A_THREAD:
            best_ms, chosen = found_ms, loaded
    if chosen != loaded:
        del engine
        engine = _load(bundle, config, chosen)
    _log.info("threads = auto: %d (%.1f ms a picture)", chosen, best_ms)
    return engine


def measure_median_ms(engine: Engine) -> float:
    """Return the median time of judging the first golden picture."""
    pixels = engine.bundle.golden.pictures[0]
    times = []
    for _ in range(_WARM_UP + _TRIALS):
        started_s = time.perf_counter()
        engine.judge(pixels)
        times.append((time.perf_counter() - started_s) * 1000)
    return sorted(times[_WARM_UP:])[_TRIALS // 2]
