"""Run a program of the system for its output, bounded in time and size; a failure is told as text."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Output:
    """What a program printed.

    Attributes:
        text: its output.
        problem: in a sentence why there is none, or not all; empty if it ended well.
    """

    text: str
    problem: str


def run_program(*words: str, timeout_s: float = _TIMEOUT_S) -> Output:
    """Return what a program prints, without terminal or input.

    It runs in ``/``: Python would import modules that somebody left in the folder of the user.
    """
    name = words[0].rpartition("/")[2]
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False, cwd="/"
        )
    except FileNotFoundError:
        return Output("", f"{name} is not on this system")
    except subprocess.TimeoutExpired:
        return Output("", f"{name} did not end within {timeout_s:.0f} s")
    except OSError as err:
        return Output("", f"{name}: {err.strerror or err}")
    text, said = (content.decode("utf-8", "replace") for content in (done.stdout, done.stderr))
    if done.returncode == 0:
        return Output(text, "")
    return Output(
        text,
        f"{name} ended with code {done.returncode}: {' '.join(said.split())[-400:] or 'it said nothing'}",
    )
