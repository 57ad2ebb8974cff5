"""Make ``runs/NAME-N`` for a training and write into it as the training goes on.

The folder has ``run.json``, ``recipe.toml`` (which ``converter retrain --cascade`` reads), the records of the
graphs, ``figures.json``, ``curves.csv`` and ``curves.png``, ``misclassified.csv`` and ``misclassified.jpg``.
The process holds a lock on ``lock`` while it lives, so that a run that was killed is not taken for one that
goes on.
"""

from __future__ import annotations

import csv
import fcntl
import re
import shutil
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from converter.output_paths import write_file
from converter.runs.curves import draw_curves
from converter.runs.run_record import RunRecord, write_run
from edge_node.errors import CorrosionError, DestinationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import IO, Any

    from converter.training.steps.training_data import Validation

LOCK_NAME, CURVES_NAME = "lock", "curves.csv"


class RunFolder:
    """The folder of one training that is going on."""

    def __init__(self, path: Path, record: RunRecord) -> None:
        self.path = path
        self._record = record
        self._started = time.monotonic()
        self._rows: list[tuple[int, Validation]] = []
        write_run(path, record)

    @property
    def has_trained(self) -> bool:
        """Whether a validation was added."""
        return bool(self._rows)

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the folder."""
        write_file(self.path / name, content)

    def add_validation(self, training: int, found: Validation) -> None:
        """Append a validation of the training of that number to the curves."""
        is_first = not self._rows
        self._rows.append((training, found))
        values = {
            "training": training,
            "step": found.step,
            "training_loss": f"{found.training_loss:.6g}",
            "validation_loss": f"{found.validation_loss:.6g}",
            **{f"accuracy {name}": f"{value:.6g}" for name, value in found.accuracies.items()},
        }
        with (self.path / CURVES_NAME).open("a", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            if is_first:
                rows.writerow(values)
            rows.writerow(values.values())
        self.update(steps_done=found.step)

    def update(self, **changes: Any) -> None:
        """Change fields of the record and write it."""
        seconds = round(time.monotonic() - self._started, 1)
        self._record = msgspec.structs.replace(self._record, seconds=seconds, **changes)
        write_run(self.path, self._record)

    def end(self, state: str, problem: str = "") -> None:
        """Write how the training ended, and draw its curves."""
        self.update(state=state, ended_at=_now(), problem=problem)
        if self._rows:
            self.write("curves.png", draw_curves(self._rows))


@contextmanager
def open_run(runs: Path, name: str, **told: Any) -> Iterator[RunFolder]:
    """Make the next free ``NAME-N`` below ``runs`` for a training, and write how it ended.

    Args:
        runs: folder of all runs.
        name: of the graph or the cascade.
        told: fields of ``RunRecord``.

    Raises:
        DestinationError: nothing can be written there.
    """
    path = _make_folder(runs, re.sub(r"[^\w.+-]+", "-", name).strip("-.") or "run")
    with (path / LOCK_NAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run = RunFolder(path, RunRecord(name=path.name, state="running", started_at=_now(), **told))
        try:
            yield run
        except CorrosionError as err:
            if run.has_trained:
                run.end("failed", str(err))
            else:  # refused before the first step: nothing happened that is worth a folder
                shutil.rmtree(path)
            raise
        except Exception as err:
            run.end("failed", f"{type(err).__name__}: {err}")
            raise
        except BaseException:
            run.end("interrupted")
            raise
        run.end("finished")


def is_going_on(folder: Path) -> bool:
    """Return whether the process that trains into a run folder lives."""
    try:
        with (folder / LOCK_NAME).open() as lock:
            return not _try_to_lock(lock)
    except OSError:
        return False


def _try_to_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_folder(runs: Path, name: str) -> Path:
    """Make ``NAME-N`` with the number after the highest; two trainings at once get two folders."""
    try:
        runs.mkdir(parents=True, exist_ok=True)
        while True:
            path = runs / f"{name}-{_find_highest(runs.iterdir(), name) + 1}"
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return path
    except OSError as err:
        raise DestinationError(f"{runs}: no run folder can be made ({err.strerror or err})") from err


def _find_highest(folders: Sequence[Path] | Iterator[Path], name: str) -> int:
    found = (re.fullmatch(rf"{re.escape(name)}-(\d+)", folder.name) for folder in folders)
    return max((int(match[1]) for match in found if match), default=0)


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
