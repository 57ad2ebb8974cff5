"""Pictures shown in the manner of other pictures, so that a network leans less on how a camera sees.

Mean and deviation of each channel, over a picture's positions, carry much of light, camera and background;
what is where is in the rest. Mixing them between pictures of a batch makes new "cameras" without a picture
(Zhou et al., Domain generalization with MixStyle, ICLR 2021).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Most pictures keep nearly all of their manner, or take nearly all of another's.
_CONCENTRATION = 0.1
_SMALLEST_DEVIATION = 1e-5


class Mixing(NamedTuple):
    """Whose manner each picture of a batch takes, and how much of its own it keeps; arrays or tensors.

    Attributes:
        partners: index of the other picture, ``(batch,)``.
        kept: share of the own manner, float32 ``(batch, 1, 1, 1)``, 0 to 1; 1 leaves a picture as it is.
    """

    partners: NDArray[np.int64] | Any
    kept: NDArray[np.float32] | Any


def draw_mixing(pictures: int, share: float, draws: np.random.Generator) -> Mixing:
    """Draw for a batch of ``pictures``, of which about ``share`` (0 to 1) are changed."""
    partners = draws.permutation(pictures)
    kept = draws.beta(_CONCENTRATION, _CONCENTRATION, pictures)
    kept[draws.random(pictures) >= share] = 1.0
    return Mixing(partners, kept.astype(np.float32).reshape(-1, 1, 1, 1))


def mix_styles(activations: Any, mixing: Mixing) -> Any:
    """Return activations ``(batch, rows, columns, channels)`` with mixed statistics, as a tensor.

    Args:
        activations: float32, of a layer with several positions.
        mixing: of its pictures.
    """
    tf = tensorflow()

    mean, variance = tf.nn.moments(activations, (1, 2), keepdims=True)
    deviation = tf.sqrt(variance) + _SMALLEST_DEVIATION
    other_mean, other_deviation = tf.gather(mean, mixing.partners), tf.gather(deviation, mixing.partners)
    kept = mixing.kept
    plain = (activations - mean) / deviation
    return plain * (kept * deviation + (1 - kept) * other_deviation) + kept * mean + (1 - kept) * other_mean
