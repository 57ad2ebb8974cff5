"""Define ``run.json``: what a training was told, how far it came, and its accuracy on which pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

RECORD_NAME = "run.json"
State = Literal["running", "finished", "failed", "interrupted"]


class StageFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The accuracy of one stage on pictures that it was not trained on.

    Attributes:
        pictures_of: what pictures these are, such as ``test``.
        groups: specimens that the pictures show.
        right: share of them with the true label, 0 to 1.
        crossover: true label -> predicted label -> pictures.
    """

    stage: str
    pictures_of: str
    pictures: int
    groups: int
    right: float
    crossover: dict[str, dict[str, int]]


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``run.json``.

    Attributes:
        name: of the folder.
        state: ``running`` in the file means interrupted if its process is gone.
        command: the flags of ``converter retrain``.
        recipe: name of the recipe's file; empty where flags said it.
        steps: of each training, at most.
        steps_done: of the last training.
        pictures: how many were trained on; 0 until that is known.
        measured: on the pictures that were left out.
        graphs: the written files, absolute.
        problem: why it failed, in a sentence.
    """

    format: int = 1
    name: str
    state: State
    started_at: str
    ended_at: str = ""
    seconds: float = 0.0
    command: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    recipe: str = ""
    architecture: str = ""
    steps: int = 0
    steps_done: int = 0
    pictures: int = 0
    measured: tuple[StageFigures, ...] = ()
    graphs: tuple[str, ...] = ()
    problem: str = ""


def read_run(folder: Path) -> RunRecord:
    """Read a run folder's record.

    Raises:
        DatasetError: it cannot be read.
    """
    path = folder / RECORD_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunRecord)
    except (OSError, msgspec.DecodeError) as err:
        raise DatasetError(f"{path}: cannot be read ({err})") from err


def write_run(folder: Path, record: RunRecord) -> None:
    """Write a run folder's record, at once or not at all.

    Raises:
        DatasetError: the disk refuses.
    """
    path = folder / RECORD_NAME
    temporary = path.with_suffix(".part")
    try:
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
        temporary.replace(path)
    except OSError as err:
        raise DatasetError(f"{path}: cannot be written ({err.strerror or err})") from err
