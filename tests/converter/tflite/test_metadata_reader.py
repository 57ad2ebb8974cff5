"""TFLite Metadata of a file that others made: labels, scaling and colours are read."""

from __future__ import annotations

import pytest
import tensorflow as tf

from converter.graphs.label_names import load_labels
from converter.graphs.scaling import Preprocessing
from converter.graphs.trained_graph import load_graph
from converter.quantize.tflite_metadata import ModelDescription, add_metadata
from converter.tflite.metadata_reader import read_metadata
from converter.tflite.tflite_file import parse_model, set_metadata
from edge_node.errors import DatasetError
from tests.support.entry_graphs import SIZE_PX, body, colours
from tests.support.ready_files import LABELS, converted, put


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Return a float file without metadata."""
    return converted(lambda: body(colours(1)), tmp_path_factory.mktemp("plain"))


def _described(content, labels=LABELS, mean=(123.0, 117.0, 104.0), std=(58.0, 57.0, 57.5)):
    (output,) = (
        parse_model(content).subgraphs[0].tensors[at].name.decode()
        for at in parse_model(content).subgraphs[0].outputs
    )
    rule = Preprocessing(SIZE_PX, SIZE_PX, mean, std)
    return add_metadata(content, ModelDescription("n", "1", "none", "told", rule, {output: labels}))


def test_labels_and_scaling_come_from_the_file_itself(tmp_path, plain):
    """No label file, no flags: the metadata say both, with where each comes from."""
    content = _described(plain)
    path = put(tmp_path, content, None)
    assert load_labels(path) == LABELS
    graph = load_graph(path)
    assert (graph.preprocessing.mean, graph.preprocessing.std) == ((123.0, 117.0, 104.0), (58.0, 57.0, 57.5))
    assert graph.input_contract.sources["scaling"] == "its metadata"
    assert graph.input_contract.sources["colour_order"] == "its metadata"
    assert graph.ready is not None
    assert graph.ready.content == content


def test_scaling_of_a_file_of_8_bits_must_fit_its_numbers(tmp_path):
    """Mean 0 and divisor 1, as some state for bytes, would leave nothing of a picture: the span counts."""
    content = converted(lambda: body(colours(1)), tmp_path, "int8", tf.uint8)
    path = put(tmp_path, _described(content, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)))
    assert load_graph(path).preprocessing.mean == (127.5, 127.5, 127.5)


def test_a_label_file_that_disagrees_with_the_metadata_is_refused(tmp_path, plain):
    """Unless the user names it, and then not with the same labels in another order."""
    path = put(tmp_path, _described(plain), ("rust", "paint"))
    with pytest.raises(DatasetError, match=r"rust, paint, but corroded, uncorroded in the metadata of"):
        load_labels(path)
    assert load_labels(path, tmp_path / "labels.txt") == ("rust", "paint")
    with pytest.raises(DatasetError, match="another order than"):
        load_labels(path, ("uncorroded", "corroded"))


def test_metadata_that_cannot_be_read_say_nothing(plain):
    """Rubbish under its name is no reason to refuse a model that runs."""
    model = parse_model(plain)
    for rubbish in (b"", b"\xff" * 40, b"\x00\x01\x00\x00M001" + b"\xff" * 8):
        set_metadata(model, "TFLITE_METADATA", rubbish)
        assert read_metadata(model, plain) is None
    assert read_metadata(parse_model(plain), plain) is None
