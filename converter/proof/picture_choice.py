"""Choose the pictures of a proof: few, spread over the set, near ties among them, and labelled ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from converter.data.stage_truth import UNKNOWN
from converter.evaluation.labelled_set import load_labelled
from edge_node.camera.picture import read_judged
from edge_node.errors import CorrosionError
from edge_node.inference.probabilities import label_probabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from converter.data.calibration_pictures import Calibration
    from converter.evaluation.float_agreement import StageLogits
    from converter.evaluation.labelled_set import LabelledSet
    from edge_node.inference.bundle import Bundle
    from edge_node.inference.manifest import Cascade

COMPARED, LABELLED = 32, 96  # pictures at most; the compared ones are among the labelled
_NEAR_TIES = 8
# What TensorFlow decodes, by how a file begins; other pictures are handed over as PNG.
_DECODED_BY_TENSORFLOW = (b"\xff\xd8", b"\x89PNG", b"BM")


@dataclass(frozen=True, slots=True)
class PictureSet:
    """The pictures on which the float and the quantized models are compared.

    Attributes:
        paths: their files; None for pictures that are rendered.
        read: returns one picture's pixels as the node decodes them: blue, green, red.
        count: how many there are.
        truth: per stage the index of the right label, ``UNKNOWN`` where that is not known.
    """

    paths: tuple[Path, ...] | None
    read: Callable[[int], NDArray[np.uint8]]
    count: int
    truth: dict[str, NDArray[np.intp]] = field(default_factory=dict)

    def name(self, at: int) -> str:
        """Return how a picture is called in messages."""
        return str(self.paths[at]) if self.paths else f"golden picture {at}"

    def file(self, at: int, work: Path) -> Path:
        """Return a file of a picture that TensorFlow decodes: its own, or a PNG in the folder ``work``."""
        if self.paths:
            with self.paths[at].open("rb") as file:
                if file.read(4).startswith(_DECODED_BY_TENSORFLOW):
                    return self.paths[at]
        made = work / f"picture-{at}.png"
        cv2.imwrite(str(made), self.read(at), [cv2.IMWRITE_PNG_COMPRESSION, 1])
        return made


def gather_pictures(
    bundle: Bundle, labelled: LabelledSet | None, calibration: Calibration | None, folder: Path | None
) -> PictureSet:
    """Return the labelled pictures, else those of the calibration, else the golden ones.

    Args:
        bundle: with the cascade and the golden pictures.
        labelled: the pictures of ``--evaluate``.
        calibration: its pictures.
        folder: that these lie in; labels are read where it has them.
    """
    if labelled:
        samples = labelled.samples
        paths = tuple(sample.path for sample in samples)
        return PictureSet(paths, lambda at: samples[at].read(), len(samples), labelled.truth)
    if calibration and folder:
        paths = calibration.paths
        truth = _find_truth(bundle.manifest.cascade, paths, folder)
        return PictureSet(paths, lambda at: read_judged(paths[at]), len(paths), truth)
    golden = bundle.golden.pictures
    return PictureSet(None, lambda at: golden[at], len(golden))


def choose_pictures(pictures: PictureSet, cascade: Cascade, logits: StageLogits) -> tuple[list[int], int]:
    """Return indices of the pictures to ask the source about, and how many of them are compared.

    Those that are compared come first: spread evenly over the set, and the ones nearest to a tie. Then more
    pictures whose label is known.
    """
    margins = np.full(pictures.count, np.inf)
    for stage in cascade.stages:
        ranked = np.sort(label_probabilities(stage, logits.logits[stage.name], 1.0), axis=1)
        margins = np.minimum(margins, ranked[:, -1] - ranked[:, -2])
    near = [int(at) for at in np.argsort(margins, kind="stable")[:_NEAR_TIES]]
    compared = sorted({*near, *_spread(range(pictures.count), COMPARED - _NEAR_TIES)})
    known = {
        int(at)
        for truth in pictures.truth.values()
        for at in np.flatnonzero(truth != UNKNOWN)
        if at not in compared
    }
    more = _spread(sorted(known), LABELLED - len(compared))
    return [*compared, *more], len(compared)


def list_truth(pictures: PictureSet, stage: str, chosen: Sequence[int]) -> tuple[int, ...]:
    """Return the right label's index of each chosen picture; nothing if they are not of two labels."""
    found = pictures.truth.get(stage)
    if found is None:
        return ()
    truth = tuple(int(found[at]) for at in chosen)
    return truth if len({label for label in truth if label != UNKNOWN}) > 1 else ()


def _find_truth(cascade: Cascade, paths: Sequence[Path], folder: Path) -> dict[str, NDArray[np.intp]]:
    """Return per stage the label of each picture: of ``labels.csv``, or the folder that it lies in."""
    try:
        labelled = load_labelled(folder, cascade)
    except CorrosionError:  # it has no labels, or none that are fit to judge by: that is no fault here
        return {
            stage.name: np.array([_read_folder(path, folder, stage.labels) for path in paths], np.intp)
            for stage in cascade.stages
        }
    places = {sample.path.resolve(): at for at, sample in enumerate(labelled.samples)}
    found = [places.get(path.resolve()) for path in paths]
    return {
        name: np.array([UNKNOWN if at is None else truth[at] for at in found], np.intp)
        for name, truth in labelled.truth.items()
    }


def _read_folder(path: Path, folder: Path, labels: Sequence[str]) -> int:
    """Return the index of the label that a folder on the way to a picture is named after."""
    words = {_plain(label): at for at, label in enumerate(labels)}
    inside = path.relative_to(folder).parent.parts if path.is_relative_to(folder) else ()
    return next((words[_plain(part)] for part in reversed(inside) if _plain(part) in words), UNKNOWN)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.lower()).strip()


def _spread(places: Sequence[int], count: int) -> list[int]:
    """Return ``count`` of the places, evenly from the first to the last."""
    if len(places) <= count:
        return list(places)
    return [places[int(at)] for at in np.linspace(0, len(places) - 1, count)]
