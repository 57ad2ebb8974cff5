"""Show the steps of a long command: share and remaining time on a terminal, one line a step without one."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SPEED_OVER_S = 3600.0  # a step may report a handful of times in minutes: its speed is that of the whole step


class Advance(Protocol):
    """Call it when parts of a step are done."""

    def __call__(self, parts: float = 1.0) -> None:
        """Add ``parts``, which need not be whole."""


# Shows that a step begins: called with its name and number of parts.
BeginStep: TypeAlias = "Callable[[str, float], Advance]"


def share_of(advance: Advance) -> Callable[[float], None]:
    """Return what takes the share of one part that is done, 0 to 1, and advances by the difference."""
    done = 0.0

    def report(share: float) -> None:
        nonlocal done
        advance(max(share - done, 0.0))
        done = max(share, done)

    return report


def part_of(report: Callable[[float], None], first: float, last: float) -> Callable[[float], None]:
    """Return what takes the share of a part that is done, and reports where that is between two shares."""
    return lambda share: report(first + share * (last - first))


def count_parts(begin: BeginStep, name: str, parts: str) -> Callable[[int, int], None]:
    """Return what takes how many parts are done, and of how many; the first call begins the step.

    Args:
        begin: from ``show_steps``.
        name: of the step, such as ``importing``.
        parts: what is counted, such as ``pictures``.
    """
    advance: Advance | None = None
    before = 0

    def report(done: int, total: int) -> None:
        nonlocal advance, before
        advance = advance or begin(f"{name} {total} {parts}", total)
        advance(done - before)
        before = done

    return report


@contextmanager
def show_steps() -> Iterator[BeginStep]:
    """Yield what begins a step; what it shows goes to stderr.

    On a terminal each step has a bar with its share and the time that it is expected to take still; elsewhere
    a line with the seconds since the command began, so that a log shows what it is at.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<32}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    is_terminal = sys.stderr.isatty()
    started = time.monotonic()
    with Progress(
        *columns,
        console=Console(stderr=True),
        disable=not is_terminal,
        speed_estimate_period=_SPEED_OVER_S,
    ) as progress:

        def begin(name: str, parts: float) -> Advance:
            if not is_terminal:
                print(f"{time.monotonic() - started:5.0f} s  {name}", file=sys.stderr, flush=True)
            task = progress.add_task(name, total=parts)
            return lambda parts=1.0: progress.advance(task, parts)

        yield begin
