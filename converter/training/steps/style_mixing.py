"""Mix feature statistics between pictures (MixStyle), so that a network depends less on the camera.

Mean and deviation of each channel over a picture's positions depend on light, camera and background; the
normalised features hold what is where. Mixing the statistics between pictures of a batch simulates further
cameras (Zhou et al., Domain generalization with MixStyle, ICLR 2021).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of the beta distribution: most pictures keep, or take, nearly all of the statistics.
_CONCENTRATION = 0.1
_SMALLEST_DEVIATION = 1e-5


class Mixing(NamedTuple):
    """The partner of each picture of a batch and the share of its own statistics it keeps; arrays or tensors.

    Attributes:
        partners: index of the other picture, ``(batch,)``.
        kept: share of its own statistics, float32 ``(batch, 1, 1, 1)``, 0 to 1; 1 leaves a picture as it is.
    """

    partners: NDArray[np.int64] | Any
    kept: NDArray[np.float32] | Any


def draw_mixing(pictures: int, share: float, draws: np.random.Generator) -> Mixing:
    """Draw partners and shares for a batch of ``pictures``, of which about ``share`` (0 to 1) are mixed."""
    partners = draws.permutation(pictures)
    kept = draws.beta(_CONCENTRATION, _CONCENTRATION, pictures)
    kept[draws.random(pictures) >= share] = 1.0
    return Mixing(partners, kept.astype(np.float32).reshape(-1, 1, 1, 1))


def mix_styles(activations: Any, mixing: Mixing) -> Any:
    """Return activations ``(batch, rows, columns, channels)`` with mixed statistics, as a tensor.

    Args:
        activations: float32, of a layer with several positions.
        mixing: drawn for the batch.
    """
    tf = tensorflow()

    mean, variance = tf.nn.moments(activations, (1, 2), keepdims=True)
    deviation = tf.sqrt(variance) + _SMALLEST_DEVIATION
    other_mean, other_deviation = tf.gather(mean, mixing.partners), tf.gather(deviation, mixing.partners)
    kept = mixing.kept
    plain = (activations - mean) / deviation
    return plain * (kept * deviation + (1 - kept) * other_deviation) + kept * mean + (1 - kept) * other_mean
