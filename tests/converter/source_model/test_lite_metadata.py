"""The normalization that TFLite Metadata state is read without the converter's own reader."""

from __future__ import annotations

import pytest

from converter.graphs.scaling import Preprocessing
from converter.quantize.tflite_metadata import ModelDescription, add_metadata
from converter.source_model.input_reading import read_feed
from converter.source_model.lite_metadata import Normalization, read_normalization
from converter.source_model.lite_session import LiteSession
from converter.source_model.request import SourceFlags
from converter.tflite.tflite_file import parse_model
from tests.support.entry_graphs import SIZE_PX, body, colours
from tests.support.ready_files import converted, put


def test_what_the_writers_state_is_read_back(tmp_path):
    """Per channel; a float model is then fed so, with no flag."""
    content = converted(lambda: body(colours(1)), tmp_path)
    graph = parse_model(content).subgraphs[0]
    output = graph.tensors[graph.outputs[0]].name.decode()
    rule = Preprocessing(SIZE_PX, SIZE_PX, (123.0, 117.0, 104.0), (58.0, 57.0, 57.5))
    described = ModelDescription("n", "1", "none", "told", rule, {output: ("a", "b")})
    path = put(tmp_path, add_metadata(content, described))
    stated = Normalization((123.0, 117.0, 104.0), (58.0, 57.0, 57.5))
    assert read_normalization(path) == stated
    feed, facts = read_feed(path, None, LiteSession(path, SourceFlags()), SourceFlags())
    assert (feed.mean, feed.std) == stated
    assert "its metadata" in facts["scaling"]


@pytest.mark.parametrize("content", [b"", b"\x1c\x00\x00\x00TFL3", b"\xff" * 64])
def test_a_file_that_states_nothing_gives_nothing(tmp_path, content):
    """Nor does one that is damaged."""
    assert read_normalization(put(tmp_path, content)) is None
