"""Find, read and check the labels of a graph, by its label file and the record that ``retrain`` wrote.

A label file has one label a line, in the order of the graph's outputs. Every command that reads a graph with
its labels calls ``load_labels``, so that none takes those of another graph.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from converter.architectures.backbones import read_record, record_path
from converter.tflite.foreign_file import is_foreign_file, read_foreign_file
from converter.tflite.metadata_reader import read_metadata
from edge_node.errors import DatasetError
from edge_node.text_file import TextFileError, read_text_file

if TYPE_CHECKING:
    from collections.abc import Sequence

# As TensorFlow for Poets, its successor and most others called the label file, whatever the graph's name.
LABEL_FILES = ("retrained_labels.txt", "output_labels.txt", "labels.txt")
# What they called the graph, and the label file beside it.
_LABELS_OF = {"retrained_graph": "retrained_labels.txt", "output_graph": "output_labels.txt"}
MAX_LABELS_BYTES = 1024 * 1024


def load_labels(graph: Path, given: Path | Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the labels of a graph, in the order of its outputs.

    Args:
        graph: its file, or the folder of a SavedModel.
        given: by the user: a label file, or the labels themselves. None takes the file named after the graph,
            or one of ``LABEL_FILES`` beside it, or the labels in its record, or in a `.tflite`
            file's metadata.

    Raises:
        DatasetError: there is no such graph, or it has no labels, or two label files that disagree, or other
            labels than its record.
        GraphError: the record is that of another graph.
    """
    if given is None and not graph.exists():
        raise DatasetError(f"{graph}: no such file; wanted a graph, with its labels beside it")
    record = None if graph.is_dir() else read_record(graph)
    inside = () if record is not None else read_labels_inside(graph)
    if given is None and inside and _find_label_file(graph) is None:
        return inside
    if given is None and record is not None and _find_label_file(graph) is None:
        return record.labels
    is_told = given is not None
    if given is None:
        given = find_label_file(graph)
    labels = read_labels(given) if isinstance(given, Path) else tuple(given)
    where = given if isinstance(given, Path) else f"labels of {graph}"
    if inside and labels != inside and (not is_told or set(labels) == set(inside)):
        raise DatasetError(
            f"{where}: {_contrast(labels, inside)} the metadata of {graph.name}; give the right ones with"
            " --labels FILE"
        )
    if record is not None and labels != record.labels:
        raise DatasetError(
            f"{where}: {_contrast(labels, record.labels)} {record_path(graph)}, the record of {graph.name};"
            f" write the labels that it was trained with into {labels_path(graph).name}, or remove the record"
            " if that is wrong"
        )
    return labels


def read_labels_inside(graph: Path) -> tuple[str, ...]:
    """Return the labels that a `.tflite` file's metadata state for its one output; none if they do not."""
    if not is_foreign_file(graph):
        return ()
    file = read_foreign_file(graph, graph.read_bytes())
    found = read_metadata(file.model, file.content)
    return found.labels[0] if found is not None and len(found.labels) == 1 else ()


def labels_path(graph: Path) -> Path:
    """Return where ``retrain`` writes the labels of a graph: named after it, beside it."""
    return graph.with_name(_LABELS_OF.get(graph.stem, f"{graph.stem}_labels.txt"))


def check_label_count(graph: Path, labels: Sequence[str], outputs: int) -> None:
    """Refuse labels that are not as many as the graph's outputs.

    Raises:
        DatasetError: they are more or fewer.
    """
    if len(labels) != outputs:
        raise DatasetError(
            f"{graph}: {outputs} outputs, but {len(labels)} labels ({', '.join(labels[:6])});"
            " give the labels it was trained with"
        )


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
    """Return the label file of a graph: the one named after it, or else one of ``LABEL_FILES`` beside it.

    Raises:
        DatasetError: there is none, or no such graph, or several beside it disagree.
    """
    if not graph.exists():
        raise DatasetError(f"{graph}: no such file; wanted a graph, with its labels beside it")
    if graph.is_dir() and not (graph / "saved_model.pb").exists():
        inside = sorted(graph.glob("*.pb"))
        wanted = f"the graph in it, {inside[0]}" if inside else "a graph, or a SavedModel's folder"
        raise DatasetError(f"{graph}: a folder without saved_model.pb; wanted {wanted}")
    found = _find_label_file(graph)
    if found is None:
        names = ", ".join(dict.fromkeys((labels_path(graph).name, *LABEL_FILES)))
        raise DatasetError(f"{graph}: none of {names} beside it; give --labels FILE")
    return found


def _find_label_file(graph: Path) -> Path | None:
    if labels_path(graph).is_file():
        return labels_path(graph)
    shared = [path for name in LABEL_FILES if (path := graph.with_name(name)).is_file()]
    for other in shared[1:]:
        if read_labels(other) != read_labels(shared[0]):
            raise DatasetError(
                f"{graph}: {shared[0].name} and {other.name} beside it disagree,"
                " and neither is named after it; give --labels FILE"
            )
    return shared[0] if shared else None


def _contrast(found: Sequence[str], wanted: Sequence[str]) -> str:
    """Return in words how labels differ from the record's; the record's name is to follow."""
    said, recorded = ", ".join(found[:6]), ", ".join(wanted[:6])
    if len(found) != len(wanted):
        return f"{len(found)} labels ({said}), but {len(wanted)} ({recorded}) in"
    if set(found) == set(wanted):
        return f"{said} is another order than {recorded} in"
    return f"{said}, but {recorded} in"
