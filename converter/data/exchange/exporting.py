"""Export samples for another tool: pictures, annotations, and the map with which they are imported again."""

from __future__ import annotations

import tempfile
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from converter.data.dataset import CORRODED
from converter.data.exchange.coco_writer import CocoWriter
from converter.data.exchange.exported_picture import ExportedPicture, columns_of
from converter.data.exchange.label_studio_writer import LabelStudioWriter
from converter.data.exchange.robot_map import read_robot_mask
from converter.data.mask_values import find_corroded, find_unknown
from converter.data.picture_facts import read_facts
from edge_node.camera.picture import decode_picture, read_content
from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from converter.data.dataset import Sample


class Target(str, Enum):
    """The tool that an export is for."""

    COCO = "coco"
    LABEL_STUDIO = "label-studio"


class Writer(Protocol):
    """Collect pictures for one tool."""

    def add(
        self, picture: ExportedPicture, mask: NDArray[np.bool_] | None, unknown: NDArray[np.bool_] | None
    ) -> None:
        """Add a picture with its corroded pixels as shown, and those of which nothing is known."""

    def files(self, source: str) -> dict[str, Any]:
        """Return what each file is to hold: a text, or an object to write as JSON."""


def export_samples(
    samples: Sequence[Sample],
    root: Path,
    out: Path,
    target: Target,
    on_done: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[str]:
    """Write samples into a new folder; return the names of the files beside the pictures.

    Args:
        samples: of the data set in ``root``.
        root: from which their paths in the new folder are told.
        out: the new folder.
        target: the tool.
        on_done: called with the number of pictures that are done, and of all.

    Raises:
        DatasetError: the folder is there already, a picture or mask cannot be read, or the disk refuses.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out}: is there already and not empty; name a new folder")
    writer: Writer = CocoWriter() if target is Target.COCO else LabelStudioWriter()
    try:
        destination = out.resolve()
        destination.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=destination.parent) as temporary:
            folder = Path(temporary) / "set"
            folder.mkdir()
            for done, sample in enumerate(samples, start=1):
                _export_sample(sample, root, folder, writer)
                on_done(done, len(samples))
            files = writer.files(", ".join(sorted({sample.source for sample in samples} - {""})))
            for name, content in files.items():
                encoded = content.encode() if isinstance(content, str) else msgspec.json.encode(content)
                (folder / name).write_bytes(encoded)
            folder.rename(destination)
    except OSError as err:
        raise DatasetError(f"{out}: cannot be written ({err.strerror or err})") from err
    return list(files)


def _export_sample(sample: Sample, root: Path, folder: Path, writer: Writer) -> None:
    content = read_content(sample.path)
    pixels = decode_picture(content, str(sample.path))
    shape = pixels.shape[0], pixels.shape[1]
    file = _name_file(sample.path, root)
    destination = folder / file
    if destination.exists():
        raise DatasetError(f"{sample.path}: a second picture that would be called {file}; rename one")
    destination.parent.mkdir(parents=True, exist_ok=True)
    destination.write_bytes(content)
    mask = sample.read_mask(shape)
    columns = columns_of(sample)
    guess = read_robot_mask(content, shape) if mask is None and columns.get("corroded") == CORRODED else None
    picture = ExportedPicture(file, shape, read_facts(content, pixels), columns, guess)
    if mask is None:
        writer.add(picture, None, None)
    else:
        writer.add(picture, find_corroded(mask), find_unknown(mask))


def _name_file(path: Path, root: Path) -> str:
    """Return a picture's path below the root; of one outside, its name."""
    resolved, base = path.resolve(), root.resolve()
    return resolved.relative_to(base).as_posix() if resolved.is_relative_to(base) else f"pictures/{path.name}"
