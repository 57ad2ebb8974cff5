"""Run ``edge-node run``: set up logging and signals, load the configuration and run the daemon."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, NoReturn

from edge_node import malloc
from edge_node.cli.config_option import add_config_option, find_config
from edge_node.cli.robot.exposed_secrets import exposed_secrets
from edge_node.config.sections import load_config

if TYPE_CHECKING:
    import argparse
    from types import FrameType

_log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node run``."""
    add_config_option(parser)
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="write log lines from this level on (default: %(default)s)",
    )
    parser.epilog = (
        "SIGHUP reads [bundle], [inspect] and the bundle again. The new bundle takes over between two\n"
        "frames, or the node refuses it and goes on. The log names other changed keys: they need a restart.\n"
        "SIGTERM and Ctrl-C end the node. All verdicts are then on the disk, and the status says offline.\n"
        "If the source is a recording, the node ends when its verdicts are delivered.\n"
        "Exit code 78: the configuration or the bundle cannot be used; another start would not help."
    )


def run(args: argparse.Namespace) -> int:
    """Run the daemon until a signal, or the end of a recording."""
    # journald adds the time too, but people who run it by hand need it.
    logging.basicConfig(
        level=args.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    gc.disable()  # nothing that a start allocates is garbage; the main loop enables it
    path = find_config(args.config)
    config = load_config(path)
    for sentence in exposed_secrets(config, path):
        _log.warning("%s", sentence)
    malloc.limit_arenas()
    # The node multiplies no matrices: OpenBLAS's threads would only cost memory.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    stop, reload = threading.Event(), threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        _log.info("%s: stopping", signal.Signals(number).name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    signal.signal(signal.SIGHUP, lambda _number, _frame: reload.set())
    # Imported after the configuration was checked: a wrong key is reported before OpenCV is loaded.
    # NumPy first and from a shallow stack: deep inside other imports, its calls crossed a chunk of CPython
    # 3.11's stack again and again, each time mapping and unmapping memory, which took 25 ms.
    import numpy  # noqa: F401, ICN001

    from edge_node.daemon.start import begin

    with ExitStack() as stack:
        begun = begin(config, stack, path)
        from edge_node.daemon.assembly import run_daemon  # takes as long as loading the models beside it

        code = run_daemon(config, stop, reload, path=path, begun=begun)
    _end(code)


def _end(code: int) -> NoReturn:
    """Exit without Python's shutdown; everything is on disk, but threads may still run C++ code.

    Python's shutdown frees objects that such camera or model threads use: one of some hundreds of exits ended
    in SIGSEGV.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
