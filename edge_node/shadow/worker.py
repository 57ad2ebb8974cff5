"""Judge pictures with the shadow's bundle in a separate process.

A process, not a thread: a new bundle may crash the runtime, leak memory, or hold the GIL while the scheduler
keeps it waiting, and the bundle that decides must not suffer. The process communicates over its standard
input, a socket, and ends when that is closed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from edge_node.errors import CorrosionError
from edge_node.messages.verdict import BundleReference, Decision  # msgspec resolves annotations at run time
from edge_node.view.recorded_view import RecordedView, restore_view  # the same

if TYPE_CHECKING:
    from io import BufferedReader

    from edge_node.inspection.inspector import Inspector

_T = TypeVar("_T")

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LOWEST_NICENESS = 19
_OOM_SCORE = "900"  # of 1000: the kernel kills it when memory is short, long before the daemon


class WorkerSetup(msgspec.Struct, frozen=True, kw_only=True):
    """Bundle and settings of the process; the first line that it reads."""

    bundle: str
    threads: int
    material: str
    tiles_across: int
    tiles_down: int
    tile_overlap: float


class WorkerReady(msgspec.Struct, frozen=True, kw_only=True):
    """The first line that the process writes: the bundle that it loaded, or why it refuses it.

    Attributes:
        bundle: with a passed golden probe; None if it is refused.
        refusal: why, in a sentence.
        stepped_back: the process runs at the lowest priority.
    """

    bundle: BundleReference | None
    refusal: str = ""
    stepped_back: bool = True


class ShadowPicture(msgspec.Struct, frozen=True, kw_only=True):
    """The line before a camera picture of ``height_px * width_px * 3`` bytes, blue, green, red.

    ``view`` is what the bundle in use judged of it; null for the picture as it is.
    """

    height_px: int
    width_px: int
    view: RecordedView | None = None


class ShadowAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The line that answers a picture."""

    decision: Decision
    inference_ms: float


def main() -> int:
    """Serve the socket on the standard input until it is closed."""
    _set_parent_death_signal()
    os.setpgid(0, 0)  # Ctrl-C at a terminal ends the daemon, which then ends this process
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # systemd sends it to all; the daemon ends this process
    stepped_back = _lower_priority()
    link = socket.socket(fileno=os.dup(0))
    with link, link.makefile("rb") as requests, suppress(BrokenPipeError, ConnectionResetError):
        setup = _read_message(requests, WorkerSetup)
        if setup is None:
            return 0
        try:
            inspector, reference = _load(setup)
        except CorrosionError as err:
            _send(link, WorkerReady(bundle=None, refusal=str(err)))
            return 0
        _send(link, WorkerReady(bundle=reference, stepped_back=stepped_back))
        _judge_pictures(link, requests, inspector)
    return 0


def _judge_pictures(link: socket.socket, requests: BufferedReader, inspector: Inspector) -> None:
    import numpy as np

    recorded = view = None
    while (picture := _read_message(requests, ShadowPicture)) is not None:
        shape = (picture.height_px, picture.width_px, 3)
        content = requests.read(shape[0] * shape[1] * shape[2])
        if len(content) < shape[0] * shape[1] * shape[2]:
            return
        if picture.view != recorded:
            recorded = picture.view
            view = None if recorded is None else restore_view(recorded)
        inspection = inspector.inspect(np.frombuffer(content, np.uint8).reshape(shape), view=view)
        _send(
            link, ShadowAnswer(decision=inspection.decision, inference_ms=round(inspection.inference_ms, 3))
        )


def _load(setup: WorkerSetup) -> tuple[Inspector, BundleReference]:
    """Load the bundle, run the golden probe and return the inspector.

    Raises:
        CorrosionError: the bundle is refused.
    """
    import cv2

    from edge_node.config.sections import BundleConfig
    from edge_node.inference.loading import load_engine
    from edge_node.inspection.inspector import Inspector, Tiling

    cv2.setNumThreads(1)
    engine = load_engine(BundleConfig(path=setup.bundle, threads=setup.threads))
    tiling = None
    if setup.tiles_across * setup.tiles_down > 1:
        tiling = Tiling(setup.tiles_across, setup.tiles_down, setup.tile_overlap)
    # No thresholds: only inspectable frames are handed over.
    return Inspector(engine, material=setup.material, tiling=tiling), engine.bundle.reference


def _set_parent_death_signal() -> None:
    """Let the kernel kill this process when the thread that started it ends, also while it is stopped."""
    # Without prctl (musl, a foreign kernel) the closed socket ends the process unless it is stopped.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _lower_priority() -> bool:
    """Use only spare processor time; False where that is not permitted."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    try:
        os.setpriority(os.PRIO_PROCESS, 0, _LOWEST_NICENESS)
    except OSError:
        return False
    return True


def _read_message(requests: BufferedReader, kind: type[_T]) -> _T | None:
    """Read and decode the next line; None when the daemon has ended."""
    line = requests.readline()
    return msgspec.json.decode(line, type=kind) if line.endswith(b"\n") else None


def _send(link: socket.socket, message: msgspec.Struct) -> None:
    link.sendall(msgspec.json.encode(message) + b"\n")


if __name__ == "__main__":
    sys.exit(main())
