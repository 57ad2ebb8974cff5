"""The choice of pictures: spread over the set, near ties, labelled ones; files that TensorFlow decodes."""

from __future__ import annotations

import cv2
import numpy as np

from converter.data.calibration_pictures import load_calibration
from converter.data.stage_truth import UNKNOWN
from converter.evaluation.float_agreement import StageLogits
from converter.proof.picture_choice import (
    COMPARED,
    LABELLED,
    PictureSet,
    choose_pictures,
    gather_pictures,
    list_truth,
)
from edge_node.camera.picture import read_judged
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.manifest import Cascade, Stage
from tests.support.entry_graphs import draw_picture

STEEL = Stage(name="steel", labels=("Corroded", "un-corroded"), model="m", output="o")
CASCADE = Cascade(root="steel", stages=(STEEL,))


def test_near_ties_are_asked_about_and_the_rest_is_spread():
    """Of 500 pictures the eight nearest ties are among the compared ones, the first and the last too."""
    margins = np.random.default_rng(0).uniform(1, 5, 500)
    ties = [17, 60, 111, 112, 230, 300, 404, 498]
    margins[ties] = 0.01
    logits = StageLogits({"steel": np.stack([margins, np.zeros(500)], axis=1)}, {"steel": 0.0})
    truth = np.where(np.arange(500) % 2, 1, UNKNOWN)
    pictures = PictureSet(None, lambda _at: draw_picture(), 500, {"steel": truth})
    chosen, compared = choose_pictures(pictures, CASCADE, logits)
    assert compared == COMPARED
    assert {0, 499, *ties} <= set(chosen[:compared])
    assert len(chosen) == len(set(chosen)) == LABELLED
    assert all(at % 2 for at in chosen[compared:])  # more only where the label is known
    assert list_truth(pictures, "steel", chosen) == ()  # one label alone tells nothing of accuracy


def test_folders_named_after_labels_tell_the_truth(tmp_path):
    """Folder names in other spelling are the labels; what lies elsewhere is not known."""
    for at, name in enumerate(("corroded/a", "UNCORRODED", "elsewhere")):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / f"{at}.png"), draw_picture(at))
    calibration = load_calibration(tmp_path, 10, 0)
    pictures = gather_pictures(load_bundle(DEFAULT_BUNDLE), None, calibration, tmp_path)
    found = {
        path.parent.name: int(label)
        for path, label in zip(calibration.paths, pictures.truth["steel"], strict=True)
    }
    assert found == {"a": 0, "UNCORRODED": 1, "elsewhere": UNKNOWN}


def test_pictures_that_tensorflow_does_not_decode_are_handed_over_as_png(tmp_path):
    """A WebP picture becomes a PNG of the same pixels; a PNG is handed over as it is."""
    paths = (tmp_path / "a.webp", tmp_path / "b.png")
    for path in paths:
        cv2.imwrite(str(path), draw_picture())
    pictures = PictureSet(paths, lambda at: read_judged(paths[at]), 2)
    work = tmp_path / "work"
    work.mkdir()
    made = pictures.file(0, work)
    assert made.parent == work
    assert np.array_equal(read_judged(made), read_judged(paths[0]))
    assert pictures.file(1, work) == paths[1]
    assert (pictures.name(1), PictureSet(None, pictures.read, 2).name(1)) == (
        str(paths[1]),
        "golden picture 1",
    )
