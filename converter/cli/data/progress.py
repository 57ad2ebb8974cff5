"""Show how far a walk over pictures is: share and remaining time on a terminal, one line without one."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def show_progress(step: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yield what is to be called with the number of pictures that are done.

    Args:
        step: what is done, such as ``importing``.
        total: pictures.
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
    if not is_terminal:
        print(f"{step} {total} pictures", file=sys.stderr, flush=True)
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not is_terminal) as bar:
        task = bar.add_task(step, total=total)
        yield lambda done: bar.update(task, completed=done)
