"""What is known of a folder's pictures, and which labels none of them shows."""

from __future__ import annotations

import cv2
import numpy as np

from converter.data.known_truth import find_missing_labels, read_truths
from converter.graphs.label_meanings import derive_meanings
from edge_node.inference.manifest import Cascade, Stage

LABELS = ("corroded", "uncorroded", "background")
CASCADE = Cascade(
    root="steel",
    stages=(Stage(name="steel", labels=LABELS, model="", output="", meanings=derive_meanings(LABELS)),),
)


def write(folder, *names):
    """Write a picture under each name and return the paths."""
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.zeros((8, 8, 3), np.uint8))
    return paths


def test_labels_that_no_picture_shows_are_named(tmp_path):
    """By the folders' names; pictures of which nothing is known are asked nothing."""
    paths = write(tmp_path, "corroded/a.png", "uncorroded/b.png")
    assert find_missing_labels(CASCADE, tmp_path, paths) == ("steel background",)
    assert find_missing_labels(CASCADE, tmp_path, paths[:1]) == ("steel uncorroded", "steel background")


def test_a_folder_without_labels_misses_nothing_that_is_known(tmp_path):
    """A heap of pictures is no data set: nobody can say what it lacks."""
    paths = write(tmp_path, "a.png", "b.png")
    assert read_truths(tmp_path) == {}
    assert find_missing_labels(CASCADE, tmp_path, paths) == ()
