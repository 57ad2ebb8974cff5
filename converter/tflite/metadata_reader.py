"""Read TFLite Metadata of a `.tflite` file: labels of its outputs, scaling and colours of its input.

Fields by number, as in ``converter.quantize.tflite_metadata``, which writes them.
Source: tensorflow/tflite-support, tensorflow_lite_support/metadata/metadata_schema.fbs.
"""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from flatbuffers.table import Table

from converter.tflite.tflite_file import get_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

METADATA_NAME = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
_NORMALIZATION = 1
_AXIS_LABELS = 2
_COLOURS: dict[int, Literal["RGB", "GREY"]] = {1: "RGB", 3: "GREY"}
_MAX_LABELS_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """What a file's metadata say.

    Attributes:
        labels: per output in their order, empty where none are stated.
        mean: taken from each pixel; empty where no normalization is stated.
        std: divides what is left.
        colours: of the input, RGB or GREY; None where it is not stated.
    """

    labels: tuple[tuple[str, ...], ...]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    colours: Literal["RGB", "GREY"] | None = None


def read_metadata(model: Any, content: bytes) -> ModelMetadata | None:
    """Return the metadata of a `.tflite` file; None if it has none that can be read.

    Args:
        model: the parsed file.
        content: the file, to whose end the label files are appended.
    """
    found = get_metadata(model, METADATA_NAME)
    if found is None or found[4:8] != _IDENTIFIER:
        return None
    try:
        root = _Part(found, struct.unpack_from("<I", found)[0])
        (graph, *_) = root.parts(3)
        inputs, outputs = list(graph.parts(2)), list(graph.parts(3))
        files = _read_files(content)
        labels = tuple(_find_labels(output, files) for output in outputs)
        mean, std, colours = _read_input(inputs[0]) if inputs else ((), (), None)
    except (struct.error, ValueError, IndexError, UnicodeDecodeError, zipfile.BadZipFile):
        return None
    return ModelMetadata(labels, mean, std, colours)


class _Part:
    """A table of a flatbuffer, its fields by number."""

    def __init__(self, content: bytes, at: int) -> None:
        self._content, self._table = content, Table(bytearray(content), at)

    def _offset(self, number: int) -> int:
        return int(self._table.Offset(4 + 2 * number))

    def text(self, number: int) -> str:
        at = self._offset(number)
        return bytes(self._table.String(at + self._table.Pos)).decode() if at else ""

    def byte(self, number: int) -> int:
        at = self._offset(number)
        return self._content[at + self._table.Pos] if at else 0

    def part(self, number: int) -> _Part | None:
        at = self._offset(number)
        return _Part(self._content, self._table.Indirect(at + self._table.Pos)) if at else None

    def parts(self, number: int) -> Iterator[_Part]:
        at = self._offset(number)
        if at:
            start = self._table.Vector(at)
            for place in range(self._table.VectorLen(at)):
                yield _Part(self._content, self._table.Indirect(start + 4 * place))

    def floats(self, number: int) -> tuple[float, ...]:
        at = self._offset(number)
        if not at:
            return ()
        start, count = self._table.Vector(at), self._table.VectorLen(at)
        return tuple(map(float, np.frombuffer(self._content, "<f4", count, start)))


def _read_input(tensor: _Part) -> tuple[tuple[float, ...], tuple[float, ...], Literal["RGB", "GREY"] | None]:
    """Return mean, std and colours of the picture."""
    mean, std = tuple[float, ...](), tuple[float, ...]()
    for unit in tensor.parts(4):
        options = unit.part(1)
        if unit.byte(0) == _NORMALIZATION and options is not None:
            mean, std = options.floats(0), options.floats(1)
    content = tensor.part(3)
    picture = None if content is None else content.part(1)
    return mean, std, None if picture is None else _COLOURS.get(picture.byte(0))


def _read_files(content: bytes) -> dict[str, str]:
    """Return the text files that are appended to a `.tflite` file, by name."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        small = [entry for entry in archive.infolist() if entry.file_size <= _MAX_LABELS_BYTES]
        return {entry.filename: archive.read(entry).decode() for entry in small if not entry.is_dir()}


def _find_labels(output: _Part, files: dict[str, str]) -> tuple[str, ...]:
    """Return the labels of an output's axis: those of its first label file."""
    for file in output.parts(6):
        if file.byte(2) == _AXIS_LABELS and file.text(0) in files:
            lines = (line.strip() for line in files[file.text(0)].splitlines())
            return tuple(line for line in lines if line)
    return ()
