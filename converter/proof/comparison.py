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
        return worst if self.differences[worst] > MOST_DIFFERENCE else None

    def describe(self, at: int) -> str:
        """Return a clause with the picture and both answers."""
        return (
            f"{self.names[at]}: TensorFlow says {self._write(self.source[at])},"
            f" the bundle {self._write(self.bundle[at])}"
        )

    def _write(self, row: Rows) -> str:
        shown = np.argsort(-row, kind="stable")[:3]
        return ", ".join(f"{self.labels[at]} {row[at]:.3f}" for at in shown)
