"""``convert`` stopped in every phase: by Ctrl-C, by SIGTERM, by SIGKILL; nothing half done is left behind."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from converter.work_folder import work_folder
from edge_node.inference.bundle import load_bundle
from tests.converter.cli.graphs.test_convert import write_pictures
from tests.support import small_graphs
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc and prctl are Linux's"),
]

# Phases as the progress bars call them, and how a person or a service manager ends them.
PHASES = (
    ("reading calibration pictures", signal.SIGINT),
    ("reading graphs", signal.SIGTERM),
    ("converting, float32", signal.SIGINT),
    ("running the original graphs", signal.SIGINT),
    ("converting, int8", signal.SIGINT),
    ("converting, int8", signal.SIGTERM),
    ("running the quantized models", signal.SIGINT),
    ("golden probe in tflite-runtime", signal.SIGTERM),
    ("writing bundle and report", signal.SIGTERM),
)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """One small graph, pictures beside it, and an environment of a target whose Python never ends."""
    folder = tmp_path_factory.mktemp("source")
    small_graphs.write_graph(folder / "steel", small_graphs.poets_mobilenet(head=2))
    write_pictures(folder / "pictures")
    environment = folder / "cache" / "corrosion-edge-node" / "tflite-runtime-2.14"
    python = environment / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nexec sleep 600\n", encoding="utf-8")
    python.chmod(0o755)
    (environment / "complete").touch()
    return folder


class Conversion:
    """``convert`` in a session and on a terminal of its own, with its own folder for temporary files."""

    def __init__(self, source: Path, folder: Path, *options: str) -> None:
        self.out, self.temporary = folder / "out" / "bundle", folder / "tmp"
        self.temporary.mkdir()
        self.out.parent.mkdir()
        arguments = ["--quantize", str(source / "steel" / "retrained_graph.pb"), *options]
        arguments += ["--calibration", str(source / "pictures"), "--out", str(self.out)]
        self._terminal, terminal = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "converter.cli", "convert", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=terminal,
            env={
                **os.environ,
                "COLUMNS": "160",
                "TMPDIR": str(self.temporary),
                "XDG_CACHE_HOME": str(source / "cache"),
            },
            start_new_session=True,
        )
        os.close(terminal)
        self.said = ""

    def reach(self, phase: str) -> None:
        """Wait until the progress bars show a phase."""
        deadline = time.monotonic() + 300
        while phase not in self.said:
            assert time.monotonic() < deadline, self.said
            assert self._read(), self.said

    def end(self) -> int:
        """Read to the end of what it says; return the exit code."""
        while self._read():
            pass
        os.close(self._terminal)
        return self.process.wait(timeout=60)

    def processes(self) -> Iterator[str]:
        """Yield the command lines of the session's processes that run."""
        for folder in Path("/proc").iterdir():
            if not folder.name.isdecimal():
                continue
            try:
                state, _, _, session = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()[:4]
                if int(session) == self.process.pid and state != "Z":
                    yield (folder / "cmdline").read_text("utf-8").replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended

    def _read(self) -> bool:
        """Take what it says next; return False once nobody can say anything more."""
        if not select.select([self._terminal], [], [], 60)[0]:
            return True
        try:
            said = os.read(self._terminal, 65536)
        except OSError:  # how Linux says that the other end of a terminal is closed
            return False
        self.said += said.decode("utf-8", "replace")
        return bool(said)


@pytest.mark.parametrize(("phase", "number"), PHASES)
def test_a_stop_in_any_phase_leaves_nothing(source, tmp_path, phase, number):
    """No half of a bundle, no temporary file, no child, no traceback; the exit code is the signal's."""
    options = ["--target", "tflite-runtime-2.14"] if "golden" in phase else []
    if phase != "running the original graphs":
        options.append("--no-source-proof")  # which would take longer than all that this test waits for
    conversion = Conversion(source, tmp_path, *options)
    conversion.reach(phase)
    if number == signal.SIGINT:
        os.killpg(conversion.process.pid, number)  # as a terminal does: to the whole group
    else:
        conversion.process.send_signal(number)
    exit_code = conversion.end()
    finished = phase == "writing bundle and report" and conversion.out.exists()
    if finished:  # the signal came after the last byte
        load_bundle(conversion.out)
    else:
        assert exit_code == (130 if number == signal.SIGINT else -number), conversion.said
    assert list(conversion.out.parent.iterdir()) == ([conversion.out] if finished else [])
    assert list(conversion.temporary.iterdir()) == []
    # A worker that was just starting looks for its parent first, and ends.
    wait_for(lambda: not list(conversion.processes()), 20, "the end of all children")
    assert "Traceback" not in conversion.said
    if not finished:
        ended = "interrupted" if number == signal.SIGINT else "terminated"
        assert conversion.said.count(f"convert: {ended}") == 1, conversion.said


def test_killed_outright_it_leaves_no_child_and_no_bundle(source, tmp_path, monkeypatch):
    """SIGKILL cannot be caught: the kernel ends the worker, and the next conversion tidies up."""
    conversion = Conversion(source, tmp_path, "--no-source-proof")
    conversion.reach("converting, int8")
    worker = "converter.quantize.worker"
    wait_for(lambda: any(worker in line for line in conversion.processes()), 60, "the worker")
    conversion.process.kill()
    assert conversion.end() == -signal.SIGKILL
    wait_for(lambda: not list(conversion.processes()), 20, "the end of all children")
    assert list(conversion.out.parent.iterdir()) == []
    assert len(list(conversion.temporary.iterdir())) == 1
    monkeypatch.setenv("TMPDIR", str(conversion.temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with work_folder() as folder:
        assert list(conversion.temporary.iterdir()) == [folder]
