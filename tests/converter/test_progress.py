"""Steps of a long command: a line each without a terminal, share and remaining time on one."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

from converter.progress import count_parts, share_of, show_steps

_STEPS = """
import time
from converter.progress import show_steps
with show_steps() as begin:
    advance = begin("converting, int8", 4)
    for _ in range(2):
        time.sleep(0.15)
        advance()
"""


def test_without_a_terminal_each_step_has_one_line(capfd):
    """It stands there when the step begins, with the seconds since the command began."""
    with show_steps() as begin:
        advance = begin("reading graphs", 2)
        assert re.fullmatch(r" +\d+ s  reading graphs\n", capfd.readouterr().err)
        advance()
        advance(0.5)
        begin("converting, int8", 1)
    assert re.fullmatch(r" +\d+ s  converting, int8\n", capfd.readouterr().err)


def test_on_a_terminal_share_and_remaining_time_are_shown():
    """Half of a step is done: 50 %, and about as long again is left."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    subprocess.run([sys.executable, "-c", _STEPS], stderr=theirs, env=environment, check=True)
    os.close(theirs)
    shown = ""
    try:
        while part := os.read(ours, 65536):
            shown += part.decode()
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(ours)
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).strip().splitlines()[-1]
    assert re.search(r"converting, int8 .* 50% 0:00:0\d left 0:00:0\d", last), last


def test_shares_of_a_part_add_up_to_it():
    """A share that is told late or twice adds nothing, so that no step is done more than once."""
    added = []
    report = share_of(lambda parts=1.0: added.append(parts))
    for share in (0.25, 0.75, 0.5, 0.75, 1.0, 1.0):
        report(share)
    assert added == [0.25, 0.5, 0.0, 0.0, 0.25, 0.0]


def test_counted_parts_begin_a_step_with_the_first(capfd):
    """A walk over pictures knows their number when it begins; a log has one line of it."""
    with show_steps() as begin:
        count = count_parts(begin, "checking", "pictures")
        for done in range(1, 31):
            count(done, 30)
    assert re.fullmatch(r" +\d+ s  checking 30 pictures\n", capfd.readouterr().err)
    told = []
    count = count_parts(lambda name, parts: told.append((name, parts)) or told.append, "reading", "pictures")
    for done in (2, 2, 5):
        count(done, 5)
    assert told == [("reading 5 pictures", 5), 2, 0, 3]
