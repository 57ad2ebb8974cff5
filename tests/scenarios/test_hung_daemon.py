"""A daemon one of whose threads stands still: the watchdog is not fed beyond what systemd allows."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge_node.config.sections import example_config
from tests.support.mjpeg_server import MjpegServer
from tests.support.notify_socket import NotifySocket
from tests.support.processes import wait_for

pytestmark = pytest.mark.slow  # a thread that stands still is alike on every runtime
WATCHDOG_S = 30.0  # as in systemd/corrosion-edge.service
WATCHED_S = 20.0  # how long it must stay unfed afterwards: the next feeding would be due after 15
HUNG = {  # kernel name of the thread: what the log must say, as a pattern
    "capture": "the capture thread has not run",
    # Whichever is seen first, a look every 15 s: what was decided between the last look and the stop counts.
    "inference": "none was judged|the models have not returned",
    "publisher": "the publisher has not run",
    "spool-writer": "the spool has not run",
}
_SEIZE, _INTERRUPT, _DETACH, _ALL_THREADS = 0x4206, 0x4207, 17, 0x40000000  # ptrace(2), waitpid(2)


class StoppedThread:
    """One thread of another process that stands still in a system call that never returns.

    Elsewhere it could stand still with the interpreter's lock, and its whole process with it.
    """

    def __init__(self, tid: int) -> None:
        self._tid = tid
        while not self._stop():
            time.sleep(0.01)

    def _stop(self) -> bool:
        """Stop the thread where it rests in a system call, and return whether it does.

        Not where it waits for the interpreter's lock, for which it wakes every 5 ms: whoever is stopped there
        takes all other threads with it.
        """
        resting, switches = self._read("syscall"), self._switches()
        time.sleep(0.02)
        if resting.startswith(("-1", "running")) or self._switches() != switches:
            return False
        self._ptrace(_SEIZE)
        self._ptrace(_INTERRUPT)
        assert os.WIFSTOPPED(os.waitpid(self._tid, _ALL_THREADS)[1])
        if self._read("syscall") == resting:
            return True
        self.let_go()  # it went on meanwhile
        return False

    def _switches(self) -> str:
        return self._read("status").partition("\nvoluntary_ctxt_switches:")[2].split()[0]

    def _read(self, name: str) -> str:
        return Path(f"/proc/{self._tid}/{name}").read_text(encoding="ascii")

    def let_go(self) -> None:
        """Let it run again, so that its process can end."""
        self._ptrace(_DETACH)

    def _ptrace(self, request: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.ptrace(request, self._tid, None, None) == -1:
            pytest.skip(f"ptrace is not allowed here: {os.strerror(ctypes.get_errno())}")


class Daemon:
    """A daemon under a service manager that listens."""

    def __init__(self, folder: Path, camera_url: str, port: int, closing: ExitStack) -> None:
        folder.mkdir()
        config = folder / "node.toml"
        robot = {"site": "quay", "robot": folder.name, "state_dir": str(folder / "state")}
        config.write_text(
            example_config(
                node=robot,
                camera={"source": camera_url},
                bundle={"path": "default"},
                mqtt={"hostname": "127.0.0.1", "port": port},
            ),
            encoding="utf-8",
        )
        self.log = folder / "log"
        self.fed_s = 0.0
        self._manager = closing.enter_context(NotifySocket(folder / "notify"))
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": self._manager.address,
            "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)),
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.named_threads", "run", "--config", str(config)],
                stderr=log,
                env=environment,
            )
        closing.callback(self.process.wait)
        closing.callback(self.process.kill)

    def listen(self) -> bool:
        """Note when it fed the watchdog last; True once it ever did."""
        if "WATCHDOG=1" in self._manager.received():
            self.fed_s = time.monotonic()
        return self.fed_s > 0

    def thread(self, name: str) -> int:
        """Return the kernel's id of a thread."""
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            if (task / "comm").read_text(encoding="utf-8").strip() == name[:15]:
                return int(task.name)
        raise AssertionError(f"no thread {name}")


def test_whichever_part_hangs_the_watchdog_starves_within_what_systemd_allows(tmp_path, mosquitto):
    """Camera, models, publisher and disk stop for real, each in its daemon; one that is well is fed on."""
    server = MjpegServer()
    with ExitStack() as closing:
        closing.callback(server.close)
        daemons = {
            name: Daemon(tmp_path / name, server.url, mosquitto.port, closing) for name in (*HUNG, "well")
        }
        wait_for(lambda: all(list(map(Daemon.listen, daemons.values()))), 120, "all being fed")
        for name in HUNG:
            closing.callback(StoppedThread(daemons[name].thread(name)).let_go)
        hung_s = time.monotonic()
        while time.monotonic() < hung_s + WATCHDOG_S + WATCHED_S:
            for daemon in daemons.values():
                daemon.listen()
            time.sleep(0.2)
        for name, words in HUNG.items():
            assert daemons[name].process.poll() is None
            assert daemons[name].fed_s < hung_s + WATCHDOG_S, name
            assert re.search(words, daemons[name].log.read_text(encoding="utf-8")), name
        assert daemons["well"].fed_s > hung_s + WATCHDOG_S
