"""Show how far a walk over pictures is: share and remaining time on a terminal, one line without one."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def show_progress(step: str) -> Iterator[Callable[[int, int], None]]:
    """Yield what is to be called with the number of pictures that are done, and of all.

    Args:
        step: what is done, such as ``importing``.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    is_terminal = sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not is_terminal) as bar:
        task = bar.add_task(step, total=None)

        def show(done: int, total: int) -> None:
            if done == 1 and not is_terminal:
                print(f"{step} {total} pictures", file=sys.stderr, flush=True)
            bar.update(task, completed=done, total=total)

        yield show
