"""The daemon's threads share one heap: what one of them freed, the others take."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edge_node.malloc import _list_code

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


UNMAP = """
import re, sys
from pathlib import Path
import cv2, numpy
from edge_node import malloc

def files_kb():
    return int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

before, picture = files_kb(), numpy.arange(48 * 64 * 3, dtype=numpy.uint8).reshape(48, 64, 3)
wanted = cv2.resize(picture, (10, 10)).tobytes()
trimmer = malloc.Trimmer()
trimmer.look(0.0)
assert files_kb() >= before  # the first verdict comes first
trimmer.look(1.0)
after, pauses = files_kb(), [trimmer.interval_s]
trimmer.look(6.0)
assert cv2.resize(picture, (10, 10)).tobytes() == wanted
print(before, after, *pauses, trimmer.interval_s)
"""


def test_code_that_only_the_start_needed_leaves_the_memory_and_still_works():
    """A third of the libraries' pages at least; the second time is soon, the next ones are rare."""
    found = subprocess.run(
        [sys.executable, "-c", UNMAP], capture_output=True, text=True, check=True, timeout=60
    )
    before, after, soon, later = map(float, found.stdout.split())
    assert after < before * 2 / 3
    assert 0 < soon <= 10 < later


def test_only_unchanged_code_of_files_is_listed():
    """Not data, not what has no file, not memory that only looks like a file, not what was written to."""
    mapping = "{}-{} {} 00000000 fe:00 1 {}\nAnonymous: {} kB\nSwap: {} kB\nVmFlags: rd ex\n".format
    text = "".join(
        [
            mapping("1000", "2000", "r-xp", "                   /usr/lib/libc.so.6", 0, 0),
            mapping("2000", "3000", "r-xp", "                   /usr/lib/patched.so", 4, 0),
            mapping("3000", "4000", "r--p", "                   /usr/lib/libc.so.6", 0, 0),
            mapping("4000", "5000", "r-xp", "[vdso]", 0, 0),
            mapping("5000", "6000", "rwxp", "                   /usr/lib/libc.so.6", 0, 0),
            mapping("6000", "7000", "r-xp", "                   /memfd:libffi (deleted)", 0, 0),
            mapping("6800", "7000", "r-xp", "                   /usr/lib/swapped.so", 0, 4),
            mapping("7000", "8000", "r-xp", "                   /opt/a library (deleted)", 0, 0),
        ]
    )
    assert list(_list_code(text)) == [(0x1000, 0x2000), (0x7000, 0x8000)]
