"""Which tests count as starting processes, and are left out of ``tests/run --quick``."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager

from tests.support.process_use import starts_processes
from tests.support.processes import wait_for


def asks():
    """Start a process."""
    return subprocess.run([sys.executable, "--version"], check=True)


@contextmanager
def asking():
    """Start a process, behind a decorator and within a nested function."""

    def ask_twice():
        return asks(), asks()

    yield ask_twice


class Asker:
    """Starts a process in a method."""

    def ask(self):
        """Start it."""
        return asks()


def test_a_process_is_found_behind_helpers_of_the_module():
    """Directly, through a decorated function, through a nested one, and through a method of a class."""

    def through_a_class():
        return Asker().ask()

    assert starts_processes(asks)
    assert starts_processes(asking)
    assert starts_processes(through_a_class)
    assert starts_processes(max, asks)


def test_waiting_and_computing_start_nothing():
    """A test that waits, computes, or names nothing of its module is quick."""

    def waits():
        wait_for(lambda: len(sys.argv))

    assert not starts_processes(waits)
    assert not starts_processes(sorted)
