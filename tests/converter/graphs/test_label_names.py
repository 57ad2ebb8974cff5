"""Label files: found beside a graph, read, and refused with what is wrong with them."""

from __future__ import annotations

import pytest

from converter.graphs.label_names import find_label_file, read_labels
from edge_node.errors import DatasetError


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


def test_a_graph_that_is_missing_is_called_missing(tmp_path):
    """Labels beside it or not: the graph is what is not there."""
    (tmp_path / "labels.txt").write_text("corroded\nuncorroded\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"steel\.pb: no such file"):
        find_label_file(tmp_path / "steel.pb")
