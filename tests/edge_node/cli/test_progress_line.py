"""Long work tells its step, share and remaining time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from edge_node.cli.progress_line import ProgressLine

if TYPE_CHECKING:
    import pytest


class _Terminal:
    """Collects what is printed to a terminal."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        """Whether it is one."""
        return True

    def write(self, text: str) -> int:
        """Take a text."""
        self.text += text
        return len(text)

    def flush(self) -> None:
        """Keep nothing back."""


def test_without_a_terminal_each_step_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A log of a service gets no line for each percent, and no control characters."""
    with ProgressLine() as progress:
        for share in (0.0, 0.5, 1.0):
            progress.show("copying", share)
        progress.show("checking", 0.1)
    assert capsys.readouterr().err == "copying\nchecking\n"


def test_on_a_terminal_share_and_remaining_time_stand_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is written over, and cleared at the end."""
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    now_s = iter([100.0, 110.0, 400.0])
    monkeypatch.setattr("edge_node.cli.progress_line.time.monotonic", lambda: next(now_s))
    with ProgressLine() as progress:
        progress.show("copying", 0.0)
        progress.show("copying", 0.5)
        progress.show("copying", 0.75)
    shown = terminal.text.split("\r\x1b[K")
    assert shown == ["", "copying: 0%", "copying: 50%, 10 s left", "copying: 75%, 1 min 40 s left", ""]
