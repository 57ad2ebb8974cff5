"""Find and read label files: one label a line, in the order of the graph's outputs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from edge_node.errors import DatasetError
from edge_node.text_file import TextFileError, read_text_file

if TYPE_CHECKING:
    from pathlib import Path

LABEL_FILES = ("retrained_labels.txt", "output_labels.txt", "labels.txt")
MAX_LABELS_BYTES = 1024 * 1024


def read_labels(path: Path) -> tuple[str, ...]:
    """Return the labels of a text file with one label per line.

    Raises:
        DatasetError: it cannot be read, or is no list of distinct labels.
    """
    try:
        lines = [line.strip() for line in read_text_file(path, MAX_LABELS_BYTES).splitlines()]
    except TextFileError as err:
        raise DatasetError(f"{path}: {err}; wanted a text file with one label a line") from err
    labels = tuple(line for line in lines if line)
    twice = [label for label, count in Counter(labels).items() if count > 1]
    if twice:
        raise DatasetError(
            f"{path}: the label {twice[0]!r} stands {labels.count(twice[0])} times; wanted each once"
        )
    if len(labels) < 2 or labels[0][0] in "{[":
        raise DatasetError(
            f"{path}: {'JSON' if labels and labels[0][0] in '{[' else f'{len(labels)} labels'};"
            " wanted two or more labels, one a line"
        )
    return labels


def find_label_file(graph: Path) -> Path:
    """Return the label file that retraining wrote beside a graph.

    Raises:
        DatasetError: there is none, or no such graph.
    """
    if not graph.exists():
        raise DatasetError(f"{graph}: no such file; wanted a graph, with its labels beside it")
    for name in LABEL_FILES:
        if (graph.parent / name).is_file():
            return graph.parent / name
    raise DatasetError(f"{graph}: none of {', '.join(LABEL_FILES)} beside it; give --labels FILE")
