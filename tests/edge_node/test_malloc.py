"""The daemon's threads share one heap: what one of them freed, the others take."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNT = """
import ctypes, re, sys, threading
from pathlib import Path
from edge_node import malloc

if sys.argv[1] == "shared":
    malloc.limit_arenas()
barrier = threading.Barrier(6)

def work():
    kept = [bytearray(100_000) for _ in range(20)]
    barrier.wait(30)
    del kept

threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = libc.fopen(sys.argv[2].encode(), b"w")
libc.malloc_info(0, ctypes.c_void_p(file))
libc.fclose(ctypes.c_void_p(file))
malloc.trim()
print(Path(sys.argv[2]).read_text().count("<heap nr="))
"""


@pytest.mark.parametrize("way", ["shared", "unshared"])
def test_threads_take_memory_from_one_heap(way, tmp_path):
    """Of six threads that allocate at once each would get a heap of its own: glibc counts them itself."""
    found = subprocess.run(
        [sys.executable, "-c", COUNT, way, str(tmp_path / "heaps.xml")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    heaps = int(found.stdout)
    assert heaps == 1 if way == "shared" else heaps > 1
