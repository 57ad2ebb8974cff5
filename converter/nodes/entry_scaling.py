"""Read off a graph's beginning what numbers it takes for pixels, and whether its means are those of Caffe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from converter.nodes.graph_entry import GraphEntry, Numbers

_CAFFE_MEANS = (103.939, 116.779, 123.68)  # of ImageNet: blue, green, red
_CAFFE_TOLERANCE = 1.5  # 104, 117, 123 and 124 are used too
# A network is fed numbers of order 1: the span of its scaled pixels shows if they began as 0 to 255 or 0 to
# 1.
_SPAN = (0.5, 16.0)
_MOST_OF_A_SHARE = 1.5
# Means of shares of 255 lie here. Nearer to 0 they may be those of numbers from -1 to 1, which a batch
# normalisation learned; so may they be where divisors differ per channel and are as wide as that.
_MEAN_SHARES = (0.2, 0.8)
_WIDEST_OF_SHARES = 0.4
_NEARLY_BLACK = 0.05  # of a network's numbers; bytes that span less are not what it takes


def find_base(entry: GraphEntry) -> float | None:
    """Return by what bytes must be divided before they enter a graph: 1 or 255; None if that is not clear."""
    if not entry.is_arithmetic or not entry.factor.all():
        return None
    factor, offset = np.broadcast_arrays(entry.factor, entry.offset)
    mean = -offset / factor  # of the numbers that enter: at most 1 where they are shares of 255
    if (mean > _MOST_OF_A_SHARE).all():
        return 1.0
    if _are_shares(mean, factor):
        return 255.0
    if mean.any() or (factor < 0).any() or np.allclose(factor, 1, atol=1e-3):
        return None
    if np.allclose(factor, 255, rtol=1e-3):  # shares become bytes
        return 255.0
    fits = [
        ((255 * factor / base >= _SPAN[0]) & (255 * factor / base <= _SPAN[1])).all() for base in (1, 255)
    ]
    return 1.0 if fits[0] else 255.0 if fits[1] else None


def find_mean_of_whole_numbers(dtype: str, entry: GraphEntry) -> float | None:
    """Return what is taken from bytes for an input of whole numbers; None if it takes a wider range."""
    if dtype == "int8":
        return 128.0
    is_wide = dtype != "uint8" and (255 * np.abs(entry.factor) < _NEARLY_BLACK).all()
    return None if is_wide else 0.0


def _are_shares(mean: Numbers, factor: Numbers) -> bool:
    """Return whether numbers with such means, and divisors, can be shares of 255 and nothing else."""
    if (factor < 0).all():  # turned round: white becomes 0
        return bool(np.allclose(mean, 1))
    inside = ((mean >= _MEAN_SHARES[0]) & (mean <= _MEAN_SHARES[1]) & (factor > 0)).all()
    narrow = np.allclose(factor, factor[0]) or (1 / factor <= _WIDEST_OF_SHARES).all()
    return bool(inside and narrow)


def recognise_caffe(mean: Numbers) -> Literal["RGB", "BGR"] | None:
    """Return the order in which the means of ImageNet that Caffe used stand, if they are these."""
    if mean.size != 3:
        return None
    if np.allclose(mean, _CAFFE_MEANS, rtol=0, atol=_CAFFE_TOLERANCE):
        return "BGR"
    return "RGB" if np.allclose(mean, _CAFFE_MEANS[::-1], rtol=0, atol=_CAFFE_TOLERANCE) else None
