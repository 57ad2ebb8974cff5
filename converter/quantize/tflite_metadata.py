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


def add_metadata(content: bytes, described: ModelDescription) -> bytes:
    """Return a ``.tflite`` file with metadata inside and its label files appended."""
    model = parse_model(content)
    graph = model.subgraphs[0]
    outputs = [graph.tensors[at].name.decode() for at in graph.outputs]
    set_metadata(model, METADATA_NAME, _encode_metadata(described, outputs))
    files = io.BytesIO(encode_model(model))
    with zipfile.ZipFile(files, "a") as archive:
        for output in outputs:
            text = "".join(f"{label}\n" for label in described.labels[output])
            archive.writestr(zipfile.ZipInfo(name_label_file(output), _MTIME), text)
    return files.getvalue()


def name_label_file(output: str) -> str:
    """Return the name of the label file of an output tensor inside the model's archive."""
    return f"{output.replace('/', '_')}_labels.txt"


def _encode_metadata(described: ModelDescription, outputs: Sequence[str]) -> bytes:
    writer = _TableWriter()
    graph = writer.table(
        {
            2: writer.vector([_write_input(writer, described.preprocessing)]),
            3: writer.vector(
                [_write_output(writer, name, name in described.independent) for name in outputs]
            ),
        }
    )
    root = writer.table(
        {
            0: writer.text(described.name),
            1: writer.text(described.description),
            2: writer.text(described.version),
            3: writer.vector([graph]),
            5: writer.text(described.licence),
            7: writer.text(MIN_PARSER_VERSION),
        }
    )
    return writer.finish(root)


def _write_input(writer: _TableWriter, rule: Preprocessing) -> int:
    """Write TensorMetadata of the picture: colours, normalisation, range."""
    normalisation = writer.table({0: writer.floats(rule.mean), 1: writer.floats(rule.std)})
    unit = writer.table({1: normalisation}, {0: _NORMALIZATION_OPTIONS})
    low = [(0.0 - mean) / std for mean, std in zip(rule.mean, rule.std, strict=True)]
    high = [(255.0 - mean) / std for mean, std in zip(rule.mean, rule.std, strict=True)]
    return writer.table(
        {
            0: writer.text("picture"),
            1: writer.text(f"{rule.height} x {rule.width} pixels, resized by {rule.resize.value}"),
            3: writer.table({1: writer.table({}, {0: _COLOURS[rule.colour_order]})}, {0: _IMAGE_PROPERTIES}),
            4: writer.vector([unit]),
            5: writer.table({0: writer.floats(high), 1: writer.floats(low)}),
        }
    )


def _write_output(writer: _TableWriter, name: str, independent: bool) -> int:
    """Write TensorMetadata of one head: logits per label, per position where it is a map."""
    function = "a sigmoid of each" if independent else "softmax"
    labels = writer.table(
        {0: writer.text(name_label_file(name)), 1: writer.text("labels of the last axis")},
        {2: _TENSOR_AXIS_LABELS},
    )
    return writer.table(
        {
            0: writer.text(name),
            1: writer.text(f"logits; their mean over positions, then {function}, gives probabilities"),
            3: writer.table({1: writer.table({})}, {0: _FEATURE_PROPERTIES}),
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
