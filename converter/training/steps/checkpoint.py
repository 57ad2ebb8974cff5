"""Keep the state of a training on disk from time to time, so that a killed one goes on from there."""

from __future__ import annotations

import io
import time
import zipfile
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

CHECKPOINT_S = 60.0  # a kill loses so much at most


class Keepable(Protocol):
    """A training whose state can be kept."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that further steps depend on."""


class Checkpoint:
    """The file that holds the state of the training that is going on."""

    def __init__(self, path: Path, every_s: float = CHECKPOINT_S) -> None:
        """Keep a state in ``path`` every ``every_s`` seconds."""
        self._path, self._every_s = path, every_s
        self._kept_at = time.monotonic()

    def read(self) -> Mapping[str, NDArray[Any]] | None:
        """Return the state that was kept; None if none was."""
        return read_arrays(self._path)

    def offer(self, run: Keepable) -> None:
        """Keep the state of a training, if it is time to."""
        if time.monotonic() - self._kept_at >= self._every_s:
            write_arrays(self._path, run.state())
            self._kept_at = time.monotonic()


def read_arrays(path: Path) -> dict[str, NDArray[Any]] | None:
    """Read named arrays; None where the file is missing or damaged."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays, all or nothing.

    Raises:
        DatasetError: the disk refuses.
    """
    temporary = path.with_suffix(".part")
    try:
        with temporary.open("wb") as file:
            np.savez(file, **dict(arrays))  # type: ignore[arg-type]  # its stub takes names for options
        temporary.replace(path)
    except OSError as err:
        raise DatasetError(f"{path}: cannot be written ({err.strerror or err})") from err
