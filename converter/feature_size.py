"""How large a network's features are: what steps of a training are for must not depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Learning rates fit features of about this size (root mean square, as EfficientNet-Lite has), and are far too
# small for a twentieth of it (Inception v3): its heads would still be learning when training ends.
_USUAL_SIZES, _USUAL_SIZE = (0.1, 4.0), 0.4
_SIZED_PICTURES = 256  # so many tell the size


def feature_scale(activations: NDArray[np.float16], training: NDArray[np.bool_]) -> float:
    """Return the factor that brings features to the usual size: 1 where they have about that.

    Args:
        activations: ``(pictures, rows, columns, channels)``.
        training: those to look at, ``(pictures,)``.
    """
    indices = np.flatnonzero(training)
    some = indices[:: max(1, len(indices) // _SIZED_PICTURES)]
    means = activations[some].astype(np.float32).mean(axis=(1, 2))
    size = float(np.sqrt(np.mean(np.square(means))))
    low, high = _USUAL_SIZES
    return 1.0 if low <= size <= high or size == 0.0 else _USUAL_SIZE / size
