"""Read the thresholds of independent labels from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence


def read_thresholds(pairs: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Return the probabilities from which on labels hold, given as ``LABEL=PROBABILITY``: ``rust=0.7``.

    Raises:
        DatasetError: no such label, one given twice, or no number from 0 to 1.
    """
    given = dict[str, float]()
    for pair in pairs:
        label, equals, text = pair.rpartition("=")
        if not equals:
            raise DatasetError(f"--threshold {pair!r}: wanted LABEL=PROBABILITY, as in {labels[0]}=0.7")
        if label not in labels:
            raise DatasetError(f"--threshold {pair!r}: no label {label!r}; there are {', '.join(labels)}")
        if label in given:
            raise DatasetError(f"--threshold {pair!r}: {label!r} has one already, {given[label]:g}")
        given[label] = _read_probability(pair, text)
    return given


def _read_probability(pair: str, text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0.0 <= found <= 1.0:  # nor "nan"
        raise DatasetError(f"--threshold {pair!r}: wanted LABEL=PROBABILITY with a number from 0 to 1")
    return found
