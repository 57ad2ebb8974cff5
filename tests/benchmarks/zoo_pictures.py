"""The pictures of the zoo: what its heads learn from, what ranges are measured on, what rows are judged on.

No specimen is on both sides, so that a row says something of pictures that nothing was fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from converter.data.calibration_pictures import choose
from converter.data.dataset import CORRODED, Sample, load_dataset
from converter.data.splits import split, with_groups
from edge_node.errors import DatasetError
from edge_node.inference.resize import resize
from edge_node.labels_csv import LABELS_NAME

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ("corroded", "uncorroded")
MATERIAL = "steel"  # the question of the shared graph that some models are made from
_JUDGED_PERCENT = 40.0  # of the specimens; of their pictures as many are taken as are asked for


@dataclass(frozen=True)
class ZooPictures:
    """Pictures of steel of known condition under one folder.

    Attributes:
        folder: they lie in.
        training: what heads and small networks learn from; ranges are measured on some of them.
        judged: what a float and a quantized model are compared on.
    """

    folder: Path
    training: tuple[Sample, ...]
    judged: tuple[Sample, ...]

    def calibration(self, count: int) -> list[np.ndarray]:
        """Return ``count`` of the training pictures, chosen as ``convert`` chooses."""
        by_path = {sample.path.resolve(): sample for sample in self.training}
        return [by_path[path].read() for path in choose(self.folder, list(by_path), count, 0)]


def load_pictures(folder: Path, judged: int) -> ZooPictures:
    """Return the pictures under ``folder``, whose labels stand in a ``labels.csv`` there or above."""
    folder = folder.resolve()
    root = next((up for up in (folder, *folder.parents[:2]) if (up / LABELS_NAME).is_file()), None)
    if root is None:
        raise DatasetError(f"{folder}: no {LABELS_NAME} there or above; wanted labelled photographs")
    known = [
        sample
        for sample in load_dataset(root)
        if sample.path.resolve().is_relative_to(folder)
        and sample.labels.get("corroded")
        and sample.labels.get("material") == MATERIAL
    ]
    parts = split(with_groups(known), test_percent=_JUDGED_PERCENT, validation_percent=0.0)
    judged_by_path = {sample.path.resolve(): sample for sample in parts.test}
    chosen = choose(folder, list(judged_by_path), judged, 0)
    return ZooPictures(folder, parts.training, tuple(judged_by_path[path] for path in chosen))


def truth(samples: tuple[Sample, ...]) -> np.ndarray:
    """Return per sample the index of its label."""
    return np.array([0 if sample.labels["corroded"] == CORRODED else 1 for sample in samples])


def resized(samples: tuple[Sample, ...], size_px: int, rule, *, real: bool = False) -> np.ndarray:
    """Return samples at a network's size by the node's rule, ``(n, size, size, 3)``, red first.

    uint8; with ``real``, as a float model gets them: with the fractions that a rule computes.
    """
    return np.stack(
        [resize(sample.read(), size_px, size_px, rule, real=real)[..., ::-1] for sample in samples]
    )


def fitted_head(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights ``(channels, 2)`` and biases ``(2,)`` of a last layer that tells the labels apart."""
    # Strongly held back: a last layer that is sure of everything would hide what quantizing does to it.
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=500))
    model.fit(features, labels == 0)
    scaler, line = model[0], model[1]
    slope = line.coef_[0] / scaler.scale_
    offset = float(line.intercept_[0] - (slope * scaler.mean_).sum())
    weights = np.stack([slope, -slope], axis=1) / 2
    return weights.astype(np.float32), np.array([offset, -offset], np.float32) / 2
