"""Compare a bundle's probabilities with those of its source, picture by picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from converter.proof.source_proof import Agreement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

CLEAR_MARGIN = 0.02  # of a label that the source is clear about
MOST_DIFFERENCE = 0.01  # between two probabilities, in float
# Between two log-odds, in float, and as a share of the source's: where a network is sure of everything, its
# probabilities are near 0 or 1 whatever it is fed, and the log-odds alone show that it is fed something else.
_MOST_LOG_ODDS, _MOST_LOG_ODDS_SHARE = 0.5, 0.1
_TINY = 1e-7  # a sigmoid in float32 is no nearer to 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """What source and bundle say of the same pixels.

    Attributes:
        labels: of the stage.
        independent: whether each label has a probability of its own.
        names: of the pictures.
        source: probabilities ``(pictures, labels)``.
        bundle: the same.
    """

    labels: tuple[str, ...]
    independent: bool
    names: Sequence[str]
    source: Rows = field(repr=False)
    bundle: Rows = field(repr=False)

    @property
    def differences(self) -> Rows:
        """The largest difference between two probabilities, per picture."""
        return np.asarray(np.abs(self.source - self.bundle).max(axis=1))

    @property
    def same(self) -> NDArray[np.bool_]:
        """Whether both choose the same label, or the same labels where these are independent."""
        if self.independent:
            return np.asarray(((self.source >= 0.5) == (self.bundle >= 0.5)).all(axis=1))
        return np.asarray(self.source.argmax(axis=1) == self.bundle.argmax(axis=1))

    @property
    def clear(self) -> NDArray[np.bool_]:
        """Whether the source's label is more than a near tie."""
        if self.independent:
            return np.asarray((2 * np.abs(self.source - 0.5)).min(axis=1) > CLEAR_MARGIN)
        ranked = np.sort(self.source, axis=1)
        return np.asarray(ranked[:, -1] - ranked[:, -2] > CLEAR_MARGIN)

    def summarise(self) -> Agreement:
        """Return the figures."""
        worst = int(self.differences.argmax())
        return Agreement(
            pictures=len(self.source),
            same=int(self.same.sum()),
            clear=int(self.clear.sum()),
            clear_same=int((self.same & self.clear).sum()),
            worst=float(self.differences[worst]),
            worst_picture=self.names[worst],
        )

    def find_fault(self) -> int | None:
        """Return the picture on which both disagree most, if they do so more than float models may."""
        flipped = np.flatnonzero(self.clear & ~self.same)
        if len(flipped):
            return int(flipped[self.differences[flipped].argmax()])
        worst = int(self.differences.argmax())
        if self.differences[worst] > MOST_DIFFERENCE:
            return worst
        excess = exceed_log_odds(self.source, self.bundle, independent=self.independent)
        hidden = int(excess.argmax())
        return hidden if excess[hidden] > 0 else None

    def describe(self, at: int) -> str:
        """Return a clause with the picture and both answers."""
        return (
            f"{self.names[at]}: TensorFlow says {self._write(self.source[at])},"
            f" the bundle {self._write(self.bundle[at])}"
        )

    def _write(self, row: Rows) -> str:
        shown = np.argsort(-row, kind="stable")[:3]
        return ", ".join(f"{self.labels[at]} {row[at]:.4g}" for at in shown)


def exceed_log_odds(source: Rows, bundle: Rows, *, independent: bool) -> Rows:
    """Return per picture by how much log-odds differ more than float models' may; below 0 where they do not.

    They are those of the source's label against its second, or of independent labels against their absence.
    """
    ranked, at = np.argsort(source, axis=1), np.arange(len(source))

    def log_odds(rows: Rows) -> Rows:
        first = rows[at, ranked[:, -1]]
        other = 1 - first if independent else rows[at, ranked[:, -2]]
        return np.asarray(np.log(np.maximum(first, _TINY)) - np.log(np.maximum(other, _TINY)))

    wanted = log_odds(source)
    allowed = _MOST_LOG_ODDS + _MOST_LOG_ODDS_SHARE * np.abs(wanted)
    return np.asarray(np.abs(wanted - log_odds(bundle)) - allowed)
