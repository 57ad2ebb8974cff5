"""Tell corroded pixels of a mask from those of which nothing is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CORRODED_VALUE, UNKNOWN_VALUE = 255, 127  # of a mask; below and between: uncorroded, corroded from 128 on


def find_corroded(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which pixels of a mask are corroded."""
    return np.asarray(mask > UNKNOWN_VALUE)


def find_unknown(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which pixels of a mask nobody has labelled: they are neither corroded nor uncorroded."""
    return np.asarray(mask == UNKNOWN_VALUE)


def make_mask(corroded: NDArray[np.bool_], unknown: NDArray[np.bool_] | None) -> NDArray[np.uint8]:
    """Return the mask of corroded pixels; where they are corroded too, unknown ones are."""
    mask: NDArray[np.uint8] = corroded.astype(np.uint8) * np.uint8(CORRODED_VALUE)
    if unknown is not None:
        mask[unknown & ~corroded] = UNKNOWN_VALUE
    return mask
