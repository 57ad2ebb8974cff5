"""Find the misreading that explains why a bundle and its source differ: the one under which they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_node.inference.probabilities import sigmoid, softmax

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from converter.source_model.request import SourceAnswers
    from edge_node.inference.manifest import InputTensor

    Rows = NDArray[np.float64]

_AGREES = 0.02  # of a probability, at most; resizing and scaling again round a little
_TINY = 1e-9


def name_misread_output(source: Rows, bundle: Rows) -> str | None:
    """Return what the bundle makes of the source's probabilities and the source does not; else None."""
    return next((name for name, rows in _misread_outputs(source) if _agree(rows, bundle)), None)


def name_variant(variants: Mapping[str, Sequence[Sequence[float]]], bundle: Rows) -> str | None:
    """Return how pixels would have to be fed to the source so that it said what the bundle says."""
    found = {name: np.asarray(rows, np.float64) for name, rows in variants.items()}
    off = {name: float(np.abs(rows - bundle[: len(rows)]).max()) for name, rows in found.items() if len(rows)}
    best = min(off, key=lambda name: off[name], default=None)
    return best if best is not None and off[best] <= _AGREES else None


def compare_input(answers: SourceAnswers, given: InputTensor) -> str | None:
    """Return in what the bundle's input differs from the source's, as far as sizes and channels tell."""
    size = given.shape[1], given.shape[2]
    if answers.height and size != (answers.height, answers.width):
        return f"the source takes {answers.height} x {answers.width} px, the bundle {size[0]} x {size[1]}"
    return None


def _misread_outputs(source: Rows) -> Iterator[tuple[str, Rows]]:
    shares = np.clip(source, _TINY, 1 - _TINY)
    logits = np.log(shares) - np.log1p(-shares)
    yield "a softmax over what is probabilities already", softmax(source)
    yield "labels that are independent (a sigmoid each) read as logits under a softmax", softmax(logits)
    yield "labels that exclude each other read as independent ones", sigmoid(np.log(shares))
    yield "a sigmoid over what is probabilities already", sigmoid(source)
    yield "labels in the opposite order", source[:, ::-1]


def _agree(rows: Rows, bundle: Rows) -> bool:
    return bool(np.abs(rows - bundle).max() <= _AGREES)
