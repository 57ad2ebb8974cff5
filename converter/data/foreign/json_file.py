"""Read JSON files of other tools, and take single records from them, or say why one cannot be read."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from edge_node.errors import DatasetError
from edge_node.text_file import TextFileError, read_text_file

if TYPE_CHECKING:
    from pathlib import Path

MAX_JSON_BYTES = 2 * 1024**3  # COCO's own largest file of annotations has 470 MB

_NOT_A_NUMBER = re.compile(r"[\[:,]\s*-?(?:NaN|Infinity)\s*[\],}]")

Record = TypeVar("Record", bound=msgspec.Struct)


def read_json(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        DatasetError: it cannot be read, or is no JSON.
    """
    try:
        text = read_text_file(path, MAX_JSON_BYTES)
    except TextFileError as err:
        raise DatasetError(f"{path}: {err}") from err
    try:
        # Python's own module writes NaN, which no standard knows; only it reads that again.
        return json.loads(text) if _NOT_A_NUMBER.search(text) else msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as err:
        raise DatasetError(f"{path}: no JSON ({err}); export it again") from err


def take_record(item: Any, kind: type[Record]) -> Record | str:
    """Return a record of another tool, or what is wrong with it; fields that ``kind`` lacks are ignored."""
    try:
        return msgspec.convert(item, kind, strict=False)
    except (msgspec.ValidationError, RecursionError) as err:
        return str(err)
