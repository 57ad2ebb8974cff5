"""Scale backbone features to a usual RMS, so that learning rates do not depend on the architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Learning rates fit features of about this size (root mean square, as EfficientNet-Lite has). They are far
# too small for a twentieth of it (Inception v3): its heads would still be learning when training ends.
_USUAL_SIZES, _USUAL_SIZE = (0.1, 4.0), 0.4
_SIZED_PICTURES = 256  # enough to measure the size


def feature_scale(activations: NDArray[np.float16], training: NDArray[np.bool_]) -> float:
    """Return the factor that scales features to the usual size: 1 if they are about that size.

    Args:
        activations: ``(pictures, rows, columns, channels)``.
        training: which of the pictures are measured, ``(pictures,)``.
    """
    indices = np.flatnonzero(training)
    some = indices[:: max(1, len(indices) // _SIZED_PICTURES)]
    means = activations[some].astype(np.float32).mean(axis=(1, 2))
    size = float(np.sqrt(np.mean(np.square(means))))
    low, high = _USUAL_SIZES
    return 1.0 if low <= size <= high or size == 0.0 else _USUAL_SIZE / size
