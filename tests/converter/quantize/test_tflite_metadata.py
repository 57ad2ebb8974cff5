"""TFLite Metadata: what other tools read from the file alone, read back by the schema's numbers."""

from __future__ import annotations

import io
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from converter.graphs.fuse import fuse
from converter.graphs.trained_graph import load_graph
from converter.quantize.conversion_process import convert_graph
from converter.quantize.request import Mode
from converter.quantize.tflite_metadata import (
    CLASS_LABELS_NAME,
    ClassDescription,
    ModelDescription,
    add_class_metadata,
    add_metadata,
    name_label_file,
)
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.interpreter import Interpreter
from tests.support import small_graphs
from tests.support.metadata_tables import read_metadata, read_tables


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> tuple[bytes, bytes, ModelDescription]:
    """A model as converted, and with its metadata, which is the third."""
    folder = tmp_path_factory.mktemp("graph")
    graph = load_graph(small_graphs.write_graph(folder, small_graphs.poets_mobilenet(labels=3)))
    (fused,) = fuse({"steel": graph})
    bare = convert_graph(fused, Mode.NONE, None).content
    labels = {"steel/map": ("late", "mid", "none")}
    described = ModelDescription("plates", "3", "CC0", "three labels", fused.preprocessing, labels)
    return bare, add_metadata(bare, described), described


def test_a_reader_of_the_schema_finds_name_scaling_and_labels(models):
    """Names, licence, mean and std of the picture, and which file has the labels of which output."""
    content = read_metadata(models[1])
    assert content is not None
    assert content[4:8] == b"M001"
    root = read_tables(content)
    assert (root.text(0), root.text(2), root.text(5)) == ("plates", "3", "CC0")
    (graph,) = root.tables(3)
    (picture,), (head,) = graph.tables(2), graph.tables(3)
    assert picture.table(3).byte(0) == 2  # ImageProperties
    (unit,) = picture.tables(4)
    assert unit.byte(0) == 1  # NormalizationOptions
    assert unit.table(1).floats(0) == pytest.approx([127.5] * 3)
    assert unit.table(1).floats(1) == pytest.approx([127.5] * 3)
    assert head.text(0) == "steel/map"
    (labels,) = head.tables(6)
    assert labels.text(0) == name_label_file("steel/map")
    with pytest.raises(AssertionError):  # no TENSOR_AXIS_LABELS: readers take those for names of classes
        labels.byte(2)


def test_a_reader_learns_what_makes_probabilities_of_logits_and_which_colour_is_first(models):
    """A softmax, or a sigmoid of each label; the schema has no word for blue first, so it says unknown."""
    bare, _, described = models
    rule = replace(described.preprocessing, colour_order="BGR")
    other = replace(described, independent=frozenset({"steel/map"}), preprocessing=rule)
    found = []
    for description in (described, other):
        (graph,) = read_tables(read_metadata(add_metadata(bare, description))).tables(3)
        (head,), (picture,) = graph.tables(3), graph.tables(2)
        colours = picture.table(3).table(1)
        found.append(("softmax" in head.text(1), "a sigmoid of each" in head.text(1), colours))
    assert [pair[:2] for pair in found] == [(True, False), (False, True)]
    assert found[0][2].byte(0) == 1  # RGB
    with pytest.raises(AssertionError):  # 0, unknown, is what an absent field means
        found[1][2].byte(0)


def test_the_label_file_is_in_the_archive_behind_the_model(models):
    """Unzipping the model gives the labels, one a line."""
    with zipfile.ZipFile(io.BytesIO(models[1])) as archive:
        assert archive.read(name_label_file("steel/map")).decode().split() == ["late", "mid", "none"]


def test_metadata_that_is_written_again_replaces_what_was_there(models):
    """One entry and one label file, the newest, in one call or another: no zip archive with two of a name."""
    _, once, described = models
    renamed = replace(described, name="sheets", labels={"steel/map": ("bad", "poor", "good")})
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # zipfile only warns of two files with one name
        twice = add_metadata(once, renamed)
    assert read_metadata(twice) == read_metadata(add_metadata(models[0], renamed))
    assert add_metadata(twice, described) == once
    with zipfile.ZipFile(io.BytesIO(twice)) as archive:
        assert archive.namelist() == [name_label_file("steel/map")]
        assert archive.read(name_label_file("steel/map")).decode().split() == ["bad", "poor", "good"]


def test_the_runtime_computes_the_same_with_metadata(models):
    """The model is the same model: equal outputs, bit for bit."""
    picture = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
    bare, described = (Interpreter(content, where="model").run(picture) for content in models[:2])
    assert np.array_equal(bare["steel/map"], described["steel/map"])
    assert read_metadata(models[0]) is None


def test_readers_of_classes_find_what_they_ask_for():
    """Red, green and blue bytes that are not scaled, one output in 0 to 1, and its labels as axis labels."""
    described = ClassDescription("n", "1", "CC0", "tells", "bytes", "a probability", ("rust", "clean steel"))
    content = add_class_metadata(load_bundle(DEFAULT_BUNDLE).models["model.tflite"], described)
    metadata = read_metadata(content)
    assert metadata is not None
    (graph,) = read_tables(metadata).tables(3)
    (picture,), (head,) = graph.tables(2), graph.tables(3)
    assert picture.table(3).table(1).byte(0) == 1  # RGB, which alone they take
    (unit,) = picture.tables(4)
    assert (unit.table(1).floats(0), unit.table(1).floats(1)) == ([0.0], [1.0])
    assert (head.table(5).floats(0), head.table(5).floats(1)) == ([1.0], [0.0])
    (labels,) = head.tables(6)
    assert (labels.text(0), labels.byte(2)) == (CLASS_LABELS_NAME, 2)  # TENSOR_AXIS_LABELS
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read(CLASS_LABELS_NAME).decode().splitlines() == ["rust", "clean steel"]
