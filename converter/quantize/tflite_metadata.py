"""Write TFLite Metadata into a ``.tflite`` file, for tools that read no manifest beside it.

The flatbuffer of the metadata schema (file identifier M001) is stored in the model under a name of its own;
the label files are appended as a zip archive, as readers of the format expect. The published writers need
packages that no longer install beside TensorFlow, so the few tables are written here, fields by number.

Source: tensorflow/tflite-support, tensorflow_lite_support/metadata/metadata_schema.fbs.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np

from converter.tflite.tflite_file import encode_model, parse_model, set_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from converter.graphs.scaling import Preprocessing

METADATA_NAME = "TFLITE_METADATA"
METADATA_IDENTIFIER = b"M001"
CLASS_LABELS_NAME = "labels.txt"
MIN_PARSER_VERSION = "1.0.0"
# Members of the schema's unions and enumerations.
_NORMALIZATION_OPTIONS = 1
_FEATURE_PROPERTIES, _IMAGE_PROPERTIES = 1, 2
_COLOURS = {"RGB": 1, "BGR": 0}  # the schema has no word for blue first: unknown
_TENSOR_AXIS_LABELS = 2
_MTIME = (1980, 1, 1, 0, 0, 0)  # the earliest that zip can store: equal models give equal bytes


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """Description of a model for its metadata.

    Attributes:
        name: of the bundle.
        version: of the bundle.
        licence: as in the manifest.
        description: one sentence.
        preprocessing: of the one input.
        labels: per output tensor the labels on its last axis.
        independent: output tensors whose labels have a probability each.
    """

    name: str
    version: str
    licence: str
    description: str
    preprocessing: Preprocessing
    labels: Mapping[str, Sequence[str]]
    independent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ClassDescription:
    """Description of a model with the pixels of a picture as input and one probability for each label.

    Attributes:
        name: of the bundle and its stage.
        version: of the bundle.
        licence: as in the manifest.
        description: what the model tells, in a sentence or two.
        picture: what the input wants, in a sentence.
        probabilities: what the output's numbers mean, in a sentence or two.
        labels: in the order of the output.
    """

    name: str
    version: str
    licence: str
    description: str
    picture: str
    probabilities: str
    labels: Sequence[str]


def add_metadata(content: bytes, described: ModelDescription) -> bytes:
    """Return a bundle's ``.tflite`` file with metadata inside and its label files appended.

    It says of its outputs what is so: logits, and the labels of their last axis. A map of logits is nothing
    that readers of classes can use, so it is not declared to be one.
    """
    model = parse_model(content)
    graph = model.subgraphs[0]
    outputs = [(graph.tensors[at].name.decode(), len(graph.tensors[at].shape)) for at in graph.outputs]
    writer = _TableWriter()
    written = [
        _write_output(writer, name, name in described.independent, is_map=rank > 2) for name, rank in outputs
    ]
    root = _write_root(writer, described, _write_input(writer, described.preprocessing), written)
    set_metadata(model, METADATA_NAME, writer.finish(root))
    return _append_files(
        encode_model(model), {name_label_file(name): described.labels[name] for name, _ in outputs}
    )


def add_class_metadata(content: bytes, described: ClassDescription) -> bytes:
    """Return a file from ``make_class_model`` with metadata by which other tools name its labels."""
    model = parse_model(content)
    writer = _TableWriter()
    picture = _write_pixels(writer, described.picture)
    root = _write_root(writer, described, picture, [_write_probabilities(writer, described.probabilities)])
    set_metadata(model, METADATA_NAME, writer.finish(root))
    return _append_files(encode_model(model), {CLASS_LABELS_NAME: described.labels})


def name_label_file(output: str) -> str:
    """Return the name of the label file of an output tensor inside the model's archive."""
    return f"{output.replace('/', '_')}_labels.txt"


def _append_files(content: bytes, labels: Mapping[str, Sequence[str]]) -> bytes:
    """Append label files as the zip archive that readers look for at the end of the file."""
    files = io.BytesIO(content)
    with zipfile.ZipFile(files, "a") as archive:
        for name, lines in labels.items():
            archive.writestr(zipfile.ZipInfo(name, _MTIME), "".join(f"{label}\n" for label in lines))
    return files.getvalue()


def _write_root(
    writer: _TableWriter, described: ModelDescription | ClassDescription, picture: int, outputs: Sequence[int]
) -> int:
    graph = writer.table({2: writer.vector([picture]), 3: writer.vector(outputs)})
    return writer.table(
        {
            0: writer.text(described.name),
            1: writer.text(described.description),
            2: writer.text(described.version),
            3: writer.vector([graph]),
            5: writer.text(described.licence),
            7: writer.text(MIN_PARSER_VERSION),
        }
    )


def _write_input(writer: _TableWriter, rule: Preprocessing) -> int:
    """Write TensorMetadata of the picture: colours, normalisation, range."""
    low = [(0.0 - mean) / std for mean, std in zip(rule.mean, rule.std, strict=True)]
    high = [(255.0 - mean) / std for mean, std in zip(rule.mean, rule.std, strict=True)]
    text = f"{rule.height} x {rule.width} pixels, resized by {rule.resize.value}"
    normalisation = {0: writer.floats(rule.mean), 1: writer.floats(rule.std)}
    return _write_picture(writer, text, _COLOURS[rule.colour_order], normalisation, (low, high))


def _write_pixels(writer: _TableWriter, text: str) -> int:
    """Write TensorMetadata of bytes that the graph scales by itself."""
    normalisation = {0: writer.floats([0.0]), 1: writer.floats([1.0])}
    return _write_picture(writer, text, _COLOURS["RGB"], normalisation, ([0.0], [255.0]))


def _write_picture(
    writer: _TableWriter,
    text: str,
    colours: int,
    normalisation: Mapping[int, int],
    limits: tuple[Sequence[float], Sequence[float]],
) -> int:
    low, high = limits
    unit = writer.table({1: writer.table(normalisation)}, {0: _NORMALIZATION_OPTIONS})
    return writer.table(
        {
            0: writer.text("picture"),
            1: writer.text(text),
            3: writer.table({1: writer.table({}, {0: colours})}, {0: _IMAGE_PROPERTIES}),
            4: writer.vector([unit]),
            5: writer.table({0: writer.floats(high), 1: writer.floats(low)}),
        }
    )


def _write_output(writer: _TableWriter, name: str, independent: bool, *, is_map: bool) -> int:
    """Write TensorMetadata of one head: logits for each label, at each position where it is a map."""
    function = "a sigmoid of each" if independent else "softmax"
    text = f"logits; {'their mean over positions, then ' if is_map else ''}{function} gives probabilities"
    # Readers take a file of axis labels for the names of classes, which positions of a map are not.
    kind = {} if is_map else {2: _TENSOR_AXIS_LABELS}
    labels = writer.table(
        {0: writer.text(name_label_file(name)), 1: writer.text("labels of the last axis")}, kind
    )
    return writer.table(
        {
            0: writer.text(name),
            1: writer.text(text),
            3: writer.table({1: writer.table({})}, {0: _FEATURE_PROPERTIES}),
            6: writer.vector([labels]),
        }
    )


def _write_probabilities(writer: _TableWriter, text: str) -> int:
    labels = writer.table(
        {0: writer.text(CLASS_LABELS_NAME), 1: writer.text("a label in each line")}, {2: _TENSOR_AXIS_LABELS}
    )
    return writer.table(
        {
            0: writer.text("probability"),
            1: writer.text(text),
            3: writer.table({1: writer.table({})}, {0: _FEATURE_PROPERTIES}),
            5: writer.table({0: writer.floats([1.0]), 1: writer.floats([0.0])}),
            6: writer.vector([labels]),
        }
    )


class _TableWriter:
    """Writes a flatbuffer bottom up; each part returns its offset, which the part above it holds."""

    def __init__(self) -> None:
        self._builder: Any = flatbuffers.Builder(1024)

    def text(self, value: str) -> int:
        return int(self._builder.CreateString(value))

    def floats(self, values: Sequence[float]) -> int:
        return int(self._builder.CreateNumpyVector(np.asarray(values, np.float32)))

    def vector(self, offsets: Sequence[int]) -> int:
        self._builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._builder.PrependUOffsetTRelative(offset)
        return int(self._builder.EndVector())

    def table(self, offsets: Mapping[int, int], numbers: Mapping[int, int] | None = None) -> int:
        """Write a table of fields by number: offsets of other parts, and one-byte numbers."""
        numbers = numbers or {}
        self._builder.StartObject(max([*offsets, *numbers], default=-1) + 1)
        for field, offset in offsets.items():
            self._builder.PrependUOffsetTRelativeSlot(field, offset, 0)
        for field, number in numbers.items():
            self._builder.PrependUint8Slot(field, number, 0)
        return int(self._builder.EndObject())

    def finish(self, root: int) -> bytes:
        self._builder.Finish(root, METADATA_IDENTIFIER)
        return bytes(self._builder.Output())
