"""Read TFLite Metadata as a generated reader of its schema does."""

from __future__ import annotations

import flatbuffers
import numpy as np
from flatbuffers.table import Table

from converter.quantize.tflite_metadata import METADATA_NAME
from converter.tflite.tflite_file import parse_model


class Fields:
    """One table of a flatbuffer, its fields by number: what a generated reader does."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def _at(self, field: int) -> int:
        offset = self._table.Offset(4 + 2 * field)
        assert offset, f"field {field} is absent"
        return offset + self._table.Pos

    def text(self, field: int) -> str:
        """Return a string."""
        return self._table.String(self._at(field)).decode()

    def byte(self, field: int) -> int:
        """Return a one-byte number."""
        return self._table.Get(flatbuffers.number_types.Uint8Flags, self._at(field))

    def floats(self, field: int) -> np.ndarray:
        """Return a vector of floats."""
        return self._table.GetVectorAsNumpy(
            flatbuffers.number_types.Float32Flags, self._at(field) - self._table.Pos
        )

    def table(self, field: int) -> Fields:
        """Return a table that a field points to."""
        return Fields(Table(self._table.Bytes, self._table.Indirect(self._at(field))))

    def tables(self, field: int) -> list[Fields]:
        """Return a vector of tables."""
        offset = self._at(field) - self._table.Pos
        start, count = self._table.Vector(offset), self._table.VectorLen(offset)
        return [Fields(Table(self._table.Bytes, self._table.Indirect(start + 4 * at))) for at in range(count)]


def read_metadata(content: bytes) -> bytes | None:
    """Return the first metadata of that name in a model, as readers do."""
    model = parse_model(content)
    entries = [entry for entry in model.metadata or [] if entry.name == METADATA_NAME.encode()]
    return bytes(np.asarray(model.buffers[entries[0].buffer].data, np.uint8)) if entries else None


def read_tables(metadata: bytes) -> Fields:
    """Return the root table of metadata."""
    offset = flatbuffers.encode.Get(flatbuffers.packer.uoffset, metadata, 0)
    return Fields(Table(bytearray(metadata), offset))
