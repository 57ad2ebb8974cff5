"""JSON files of other tools."""

from __future__ import annotations

import math

import msgspec
import pytest

from converter.data.foreign.json_file import read_json, take_record
from edge_node.errors import DatasetError


class _Thing(msgspec.Struct):
    width: int
    name: str = ""


@pytest.mark.parametrize("content", ["{", "[" * 100_000, "nonsense"])
def test_what_is_no_json_is_refused_in_a_sentence(tmp_path, content):
    """A file that was cut off, and one that nests without end."""
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"a\.json: no JSON"):
        read_json(tmp_path / "a.json")
    with pytest.raises(DatasetError, match=r"b\.json"):
        read_json(tmp_path / "b.json")


def test_what_python_writes_for_no_number_is_read(tmp_path):
    """It stands for values that are missing; who needs one refuses it later."""
    (tmp_path / "a.json").write_text('{"a": [NaN, 1], "b": "NaN", "c": -Infinity}', encoding="utf-8")
    found = read_json(tmp_path / "a.json")
    assert math.isnan(found["a"][0])
    assert found["b"] == "NaN"


def test_a_record_is_read_with_other_fields_or_said_to_be_wrong():
    """Numbers may be written as floats; what cannot be read says which field it is."""
    assert take_record({"width": 640.0, "more": [1]}, _Thing) == _Thing(640)
    assert "width" in str(take_record({"width": "wide"}, _Thing))
    assert isinstance(take_record([], _Thing), str)
