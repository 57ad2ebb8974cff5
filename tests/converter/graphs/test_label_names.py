"""Label files: found beside a graph, read, and refused with what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from converter.architectures.backbones import GraphRecord, InputRule, record_path
from converter.graphs.label_names import check_label_count, find_label_file, load_labels, read_labels
from edge_node.errors import DatasetError
from edge_node.inference.manifest import Resize


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "0 labels"),
        ("one\n", "1 labels"),
        ("a\nb\na\n", "'a' stands 2 times"),
        ('["a", "b"]\n', "JSON"),
        ('{"0": "a",\n"1": "b"}\n', "JSON"),
    ],
)
def test_a_label_file_holds_two_or_more_distinct_labels(tmp_path, content, said):
    """Anything else is refused with the file's name and what is wrong."""
    path = tmp_path / "labels.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"labels\.txt") as caught:
        read_labels(path)
    assert said in str(caught.value)


def test_labels_are_the_same_however_an_editor_saved_them(tmp_path):
    """A byte order mark, CRLF, blanks and empty lines are no part of a label."""
    path = tmp_path / "labels.txt"
    path.write_bytes(b"\xef\xbb\xbf\r\n with rust \r\nno rust\r\n\r\n")
    assert read_labels(path) == ("with rust", "no rust")


def test_labels_in_another_encoding_are_refused(tmp_path):
    """UTF-16 is named, and what is wanted."""
    path = tmp_path / "labels.txt"
    path.write_bytes("corroded\nsound\n".encode("utf-16"))
    with pytest.raises(DatasetError, match="UTF-16"):
        read_labels(path)


def test_a_graph_that_is_missing_is_called_missing(tmp_path):
    """Labels beside it or not: the graph is what is not there."""
    (tmp_path / "labels.txt").write_text("corroded\nuncorroded\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"steel\.pb: no such file"):
        find_label_file(tmp_path / "steel.pb")


def test_a_folder_that_is_no_graph_is_called_so(tmp_path):
    """Not its labels are missing: the graph in it is named, where there is one."""
    with pytest.raises(DatasetError, match=r"without saved_model\.pb; wanted a graph"):
        find_label_file(tmp_path)
    (tmp_path / "retrained_graph.pb").write_bytes(b"graph")
    with pytest.raises(DatasetError, match=r"wanted the graph in it, \S+retrained_graph\.pb"):
        find_label_file(tmp_path)


@pytest.fixture
def graph(tmp_path):
    """A graph's file with the record that a training of before 0.8 wrote: without hashes."""
    path = tmp_path / "steel.pb"
    path.write_bytes(b"graph")
    rule = InputRule(size_px=224, resize=Resize.AREA, mean=(127.0,) * 3, std=(128.0,) * 3)
    record = GraphRecord(
        architecture="efficientnet_lite0",
        weights_sha256="0" * 64,
        input=rule,
        labels=("corroded", "uncorroded"),
        final_tensor="final_result",
    )
    record_path(path).write_bytes(msgspec.json.encode(record))
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("aluminium\nsteel\n", "aluminium, steel, but corroded, uncorroded in"),
        ("uncorroded\ncorroded\n", "uncorroded, corroded is another order than corroded, uncorroded in"),
        ("corroded\nuncorroded\nother\n", r"3 labels \(.*\), but 2 \(.*\) in"),
    ],
)
@pytest.mark.parametrize("name", ["steel_labels.txt", "retrained_labels.txt", "labels.txt", "mine.txt"])
def test_labels_that_disagree_with_the_record_are_refused(graph, name, content, said):
    """Whatever the label file is called, beside the graph or given: the labels are those of its training."""
    path = graph.with_name(name)
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match=rf"{name}: {said} .*steel\.json, the record of steel\.pb"):
        load_labels(graph, path if name == "mine.txt" else None)
    path.write_text("corroded\nuncorroded\n", encoding="utf-8")
    assert load_labels(graph, path if name == "mine.txt" else None) == ("corroded", "uncorroded")


def test_labels_in_a_cascade_file_are_held_against_the_record_too(graph):
    """Labels that are given themselves are no exception."""
    with pytest.raises(DatasetError, match="another order"):
        load_labels(graph, ("uncorroded", "corroded"))
    assert load_labels(graph, ("corroded", "uncorroded")) == ("corroded", "uncorroded")


def test_labels_are_those_named_after_the_graph(graph):
    """Another graph's label file, of the name that all trainings once wrote, is not taken for this one's."""
    graph.with_name("retrained_labels.txt").write_text("aluminium\nsteel\n", encoding="utf-8")
    graph.with_name("steel_labels.txt").write_text("corroded\nuncorroded\n", encoding="utf-8")
    assert load_labels(graph) == ("corroded", "uncorroded")


def test_a_record_alone_says_the_labels(graph):
    """A graph that was moved with its record, and without its label file, has its labels still."""
    assert load_labels(graph) == ("corroded", "uncorroded")


def test_graphs_of_tensorflow_for_poets_share_a_label_file(tmp_path):
    """An optimized graph beside the retrained one has its labels, as old folders have it."""
    (tmp_path / "retrained_labels.txt").write_text("a\nb\n", encoding="utf-8")
    for name in ("retrained_graph.pb", "optimized_graph.pb"):
        (tmp_path / name).write_bytes(b"graph")
        assert load_labels(tmp_path / name) == ("a", "b")
    (tmp_path / "labels.txt").write_text("c\nd\n", encoding="utf-8")
    assert load_labels(tmp_path / "retrained_graph.pb") == ("a", "b")
    with pytest.raises(DatasetError, match=r"retrained_labels\.txt and labels\.txt beside it disagree"):
        load_labels(tmp_path / "optimized_graph.pb")


def test_labels_are_as_many_as_outputs():
    """The graph, its outputs and the labels are named."""
    with pytest.raises(DatasetError, match=r"steel\.pb: 2 outputs, but 3 labels \(a, b, c\)"):
        check_label_count(Path("steel.pb"), ("a", "b", "c"), 2)
