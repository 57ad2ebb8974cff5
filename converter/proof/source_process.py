"""Ask the source models in a process of their own, which knows nothing of the converter's reading."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import msgspec

from converter.source_model.request import PROGRESS, REQUEST_NAME, RESULT_NAME, SourceRequest, SourceResult
from edge_node.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TIMEOUT_S = 3600


def ask_sources(
    request: SourceRequest, work: Path, report: Callable[[float], None] = lambda _share: None
) -> SourceResult:
    """Run ``converter.source_model.worker`` on a request.

    Args:
        request: the models, flags and pictures.
        work: an empty folder, where pixels that are not the node's stay.
        report: takes the share that is done.

    Raises:
        ConversionError: the process failed.
    """
    (work / REQUEST_NAME).write_bytes(msgspec.json.encode(request))
    command = [sys.executable, "-m", "converter.source_model.worker", str(work), str(os.getpid())]
    with (
        (work / "errors.txt").open("w+", encoding="utf-8", errors="replace") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, "TMPDIR": str(work)}
        ) as process,
    ):
        timer = threading.Timer(_TIMEOUT_S, process.kill)
        timer.daemon = True  # Ctrl-C while it starts must not leave a thread that is waited for
        try:
            timer.start()
            for line in process.stdout or ():
                if line.startswith(PROGRESS):
                    report(float(line.removeprefix(PROGRESS)))
            code = process.wait()
        except BaseException:
            process.kill()  # leaving the block waits for its end
            raise
        finally:
            timer.cancel()
        errors.seek(0)
        said = [line.strip() for line in errors.read().splitlines() if line.strip()]
    if code:
        reason = said[-1][:400] if said else "out of memory?" if code < 0 else f"exit code {code}"
        raise ConversionError(
            f"proof at the source: TensorFlow's process ended without an answer ({reason});"
            " --no-source-proof leaves it out, and the bundle then says so"
        )
    return msgspec.json.decode((work / RESULT_NAME).read_bytes(), type=SourceResult)
