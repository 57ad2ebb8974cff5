"""Train the members of an averaged network side by side, each in a process of its own.

A member's folder is named after all that its weights depend on. So a member that was trained before a kill is
taken as it is, and one that was being trained goes on from its last checkpoint.
"""

from __future__ import annotations

import hashlib
import os
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

import converter
from converter.training.member_worker import (
    ACTIVATIONS_NAME,
    ARRAYS_NAME,
    JOB_NAME,
    MASKS_NAME,
    START_NAME,
    TRAINED_NAME,
    Job,
    Progress,
    Target,
)
from converter.training.steps.checkpoint import CHECKPOINT_S, read_arrays, write_arrays
from converter.training.steps.training_data import TrainedHead
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from converter.training.steps.training_data import Member, TrainingData, TrainingTarget, Validation

_CODE = ("training", "architectures")  # packages whose code the weights depend on
_ERRORS_NAME = "errors.txt"


@dataclass(frozen=True, slots=True)
class Network:
    """The network whose upper layers are trained.

    Attributes:
        architecture: of the backbone.
        size_px: sides of its input.
        fine_tune: number of convolutions, as the recipe says.
        train_depthwise: whether depthwise kernels are trained, as the recipe says.
        start: weights of the upper layers before training, as ``get_weights`` returns them.
    """

    architecture: str
    size_px: int
    fine_tune: int
    train_depthwise: bool
    start: Sequence[NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class TrainedMember:
    """Weights of the upper layers, as ``get_weights`` returns them, and the heads, of one training."""

    upper: list[NDArray[np.float32]]
    heads: tuple[TrainedHead, ...]


def train_side_by_side(  # noqa: PLR0913 - the trainings, where they are kept, and who is told of them
    members: Sequence[Member],
    questions: Sequence[TrainingTarget],
    network: Network,
    work: Path,
    content: str,
    *,
    on_steps: Callable[[int], None] = lambda _steps: None,
    report: Callable[[int, Validation], None] = lambda _member, _found: None,
    checkpoint_s: float = CHECKPOINT_S,
) -> list[TrainedMember]:
    """Train all members that are not trained yet, as many at once as this process has cores.

    Args:
        members: with the same activations and masks.
        questions: one for each head.
        network: whose upper layers are trained.
        work: folder of this training and its kept states.
        content: a text that is different for other activations and masks.
        on_steps: called with the number of further steps that are done, by all members together.
        report: called with a member's number, from 0, and the result of its validation.
        checkpoint_s: time between two kept states of a member.

    Raises:
        DatasetError: a process failed, or the disk refuses.
    """
    _share(members[0].data, network, work)
    folders = [prepare_folder(member, questions, network, work, content) for member in members]
    waiting = [
        number
        for number, folder in enumerate(folders)
        if not (folder / TRAINED_NAME).exists() and folder not in folders[:number]
    ]
    for number, member in enumerate(members):
        if number not in waiting:
            on_steps(member.settings.steps)
    with _Processes(work, folders, on_steps, report, checkpoint_s) as processes:
        processes.run(waiting, at_once=count_cores())
    return [_read(folder, questions) for folder in folders]


def prepare_folder(
    member: Member, questions: Sequence[TrainingTarget], network: Network, work: Path, content: str
) -> Path:
    """Write a member's job into the folder that is named after it, and return the folder.

    Raises:
        DatasetError: the disk refuses.
    """
    targets = tuple(
        Target(name=one.name, labels=one.labels, corroded=one.corroded, on_pictures=one.on_pictures)
        for one in questions
    )
    job = msgspec.json.encode(
        Job(
            architecture=network.architecture,
            size_px=network.size_px,
            fine_tune=network.fine_tune,
            train_depthwise=network.train_depthwise,
            settings=member.settings,
            targets=targets,
        )
    )
    arrays: dict[str, NDArray[Any]] = {
        "weights": member.data.weights,
        "validation": member.data.validation,
        **{f"target_{index}": one.targets for index, one in enumerate(questions)},
    }
    digest = hashlib.sha256(f"{_code_version()} {content}".encode() + job)
    for value in (*arrays.values(), *network.start):
        digest.update(np.ascontiguousarray(value).tobytes())
    folder = work / f"member-{digest.hexdigest()[:24]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / JOB_NAME).write_bytes(job)
    except OSError as err:
        raise DatasetError(f"{folder}: cannot be written ({err.strerror or err})") from err
    write_arrays(folder / ARRAYS_NAME, arrays)
    return folder


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


class _Processes:
    """The processes that train members, and what they tell."""

    def __init__(
        self,
        work: Path,
        folders: Sequence[Path],
        on_steps: Callable[[int], None],
        report: Callable[[int, Validation], None],
        checkpoint_s: float,
    ) -> None:
        self._work, self._folders, self._on_steps, self._report = work, folders, on_steps, report
        self._checkpoint_s = checkpoint_s
        self._running: dict[int, subprocess.Popen[str]] = {}
        self._told: queue.Queue[tuple[int, str]] = queue.Queue()

    def __enter__(self) -> _Processes:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait()

    def run(self, waiting: Sequence[int], at_once: int) -> None:
        """Train the members of these numbers, ``at_once`` at a time."""
        left = list(waiting)
        while left or self._running:
            while left and len(self._running) < at_once:
                self._start(left.pop(0))
            number, line = self._told.get()
            if not line:
                self._end(number)
                continue
            progress = msgspec.json.decode(line, type=Progress)
            if progress.steps:
                self._on_steps(progress.steps)
            if progress.validation is not None:
                self._report(number, progress.validation)

    def _start(self, number: int) -> None:
        # Started by this thread, which waits for it: its end is that of the parent to the child.
        with (self._folders[number] / _ERRORS_NAME).open("w", encoding="utf-8") as errors:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "converter.training.member_worker"),
                    *(str(os.getpid()), str(self._work), str(self._folders[number])),
                    str(self._checkpoint_s),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._running[number] = process
        threading.Thread(target=self._read, args=(number, process), daemon=True).start()

    def _read(self, number: int, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self._told.put((number, line))
        self._told.put((number, ""))

    def _end(self, number: int) -> None:
        process = self._running.pop(number)
        if process.wait() == 0:
            return
        said = (self._folders[number] / _ERRORS_NAME).read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        reason = lines[-1] if lines and process.returncode > 0 else f"killed by signal {-process.returncode}"
        raise DatasetError(
            f"variation {number + 1}: its training ended early ({reason});"
            " the same command goes on from where it was"
        )


def _share(data: TrainingData, network: Network, work: Path) -> None:
    """Write what all members read into the work folder."""
    if not _is_file_of(data.activations, work / ACTIVATIONS_NAME):
        np.save(work / ACTIVATIONS_NAME, data.activations)
    if data.masks is not None:
        np.save(work / MASKS_NAME, data.masks)
    write_arrays(work / START_NAME, {str(index): value for index, value in enumerate(network.start)})


def _is_file_of(values: NDArray[Any], path: Path) -> bool:
    """Return whether an array is mapped from a file."""
    if not isinstance(values, np.memmap) or values.filename is None:
        return False
    return Path(values.filename).resolve() == path.resolve()


def _code_version() -> str:
    """Return a hash of the code and the libraries that weights depend on."""
    from importlib.metadata import version

    digest = hashlib.sha256(f"{version('tensorflow')} {np.__version__}".encode())
    root = Path(converter.__file__).parent
    for path in sorted(path for package in _CODE for path in (root / package).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(folder: Path, questions: Sequence[TrainingTarget]) -> TrainedMember:
    found = read_arrays(folder / TRAINED_NAME)
    if found is None:
        with suppress(OSError):
            (folder / TRAINED_NAME).unlink()
        raise DatasetError(f"{folder / TRAINED_NAME}: is damaged; train again")
    heads = tuple(
        TrainedHead(question, found[f"weights_{index}"], found[f"biases_{index}"])
        for index, question in enumerate(questions)
    )
    count = len(found) - 2 * len(heads)
    return TrainedMember([found[str(index)] for index in range(count)], heads)
