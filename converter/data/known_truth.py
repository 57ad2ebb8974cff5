"""Look up what is known of the pictures in a folder: their labels, where a table or folders say them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converter.data.dataset import load_dataset, load_usable
from converter.data.stage_truth import UNKNOWN, find_stage_truth, with_meanings
from edge_node.errors import DatasetError
from edge_node.labels_csv import LABELS_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from converter.data.dataset import Sample
    from edge_node.inference.manifest import Cascade


def read_truths(folder: Path) -> dict[Path, Sample]:
    """Return what is known of the pictures in a folder, by their resolved paths.

    Truth is in the ``labels.csv`` in or above the folder, or in the names of the folders within; without
    both, and where the table cannot be used, nothing is known.
    """
    places = (folder, folder.resolve().parent, folder.resolve().parent.parent)
    table = next((place for place in places if (place / LABELS_NAME).is_file()), None)
    try:
        samples = load_dataset(folder) if table is None else load_usable(table)[0]
    except DatasetError:  # pictures without labels
        return {}
    return {sample.path.resolve(): sample for sample in with_meanings(samples)}


def find_missing_labels(cascade: Cascade, folder: Path, pictures: Iterable[Path]) -> tuple[str, ...]:
    """Return the labels, as *stage label*, that none of some pictures of a folder shows.

    Stages of which no picture's label is known are left out: nobody can say what they miss.
    """
    truths = read_truths(folder)
    samples = [truths[path.resolve()] for path in pictures if path.resolve() in truths]
    missing = []
    for stage in cascade.stages:
        seen = {find_stage_truth(cascade, stage, sample) for sample in samples} - {UNKNOWN}
        if seen:
            missing += [f"{stage.name} {label}" for at, label in enumerate(stage.labels) if at not in seen]
    return tuple(missing)
