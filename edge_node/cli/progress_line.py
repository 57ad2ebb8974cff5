"""Show step, share and remaining time of long work on stderr: in place on a terminal, else a line a step."""

from __future__ import annotations

import sys
import time

_SHOW_S = 0.2
_ESTIMATE_S = 2.0  # of a step, before what remains is guessed


class ProgressLine:
    """The line of the step that is at work; a context that clears it at its end."""

    def __init__(self) -> None:
        """Begin without a step."""
        self._is_terminal = sys.stderr.isatty()
        self._step = ""
        self._began_s = self._shown_s = 0.0

    def __enter__(self) -> ProgressLine:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._is_terminal and self._step:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def show(self, step: str, share: float) -> None:
        """Show that ``share`` of ``step`` is done, 0 to 1."""
        now_s = time.monotonic()
        if step != self._step:
            self._step, self._began_s, self._shown_s = step, now_s, 0.0
            if not self._is_terminal:
                print(step, file=sys.stderr, flush=True)
        if self._is_terminal and now_s - self._shown_s >= _SHOW_S:
            self._shown_s = now_s
            line = f"{step}: {share:.0%}{_remaining(now_s - self._began_s, share)}"
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)


def _remaining(took_s: float, share: float) -> str:
    if took_s < _ESTIMATE_S or not 0 < share < 1:
        return ""
    left_s = round(took_s / share * (1 - share))
    return f", {left_s // 60} min {left_s % 60} s left" if left_s >= 60 else f", {left_s} s left"
