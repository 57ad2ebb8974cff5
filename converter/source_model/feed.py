"""Turn decoded pixels into what a source model takes, with TensorFlow's own ops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from converter.tensorflow_import import tensorflow

if TYPE_CHECKING:
    from numpy.typing import NDArray

ResizeRule = Literal["bilinear of TensorFlow 1", "bilinear", "area"]
_IN_FRACTIONS: ResizeRule = "bilinear of TensorFlow 1"


@dataclass(frozen=True, slots=True)
class Feed:
    """How a picture enters a source model.

    Attributes:
        height: pixels.
        width: pixels.
        resize: the rule by which it is brought there.
        layout: where the channels stand.
        channels: their order: RGB, BGR, GREY, RGBA, BGRA.
        mean: taken from each pixel, one number or one per channel in this order.
        std: divides what is left.
        dtype: of the input.
        batch: how many pictures the input takes; one picture is repeated.
        rank: 4, or 3 for an input without a batch.
        raw: the model decodes pictures itself: it gets the decoded pixels and does all of this.
        takes_bytes: the model keeps what it is fed in 8 bits.
    """

    height: int
    width: int
    resize: ResizeRule
    layout: Literal["NHWC", "NCHW"]
    channels: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    dtype: str = "float32"
    batch: int = 1
    rank: int = 4
    raw: bool = False
    takes_bytes: bool = False

    @property
    def is_resized_to_bytes(self) -> bool:
        """Whether resized pixels are rounded; scripts of TensorFlow 1 resized in the graph, in fractions."""
        return self.resize != _IN_FRACTIONS or "int" in self.dtype or self.takes_bytes


def resize_pixels(pixels: NDArray[np.uint8], feed: Feed, *, fractions: bool = False) -> NDArray[np.float32]:
    """Return decoded pixels, red first, at the size of a feed, float32 ``(height, width, 3)``, 0 to 255.

    A picture that was resized is rounded, as a picture is bytes, where that is so for the feed;
    ``fractions`` leaves what is computed.
    """
    tf, size = tensorflow(), [feed.height, feed.width]
    picture = tf.cast(pixels, tf.float32)[tf.newaxis]
    if feed.resize == _IN_FRACTIONS:
        resized = tf.compat.v1.image.resize_bilinear(picture, size)
    else:
        resized = _resize_area(picture, size) if feed.resize == "area" else tf.image.resize(picture, size)
    resized = tf.round(resized) if feed.is_resized_to_bytes and not fractions else resized
    return np.asarray(resized[0].numpy(), np.float32)


def _resize_area(picture: Any, size: list[int]) -> Any:
    """Average what is made smaller, interpolate what is made larger, as retraining resized its pictures."""
    tf = tensorflow()
    old = [int(side) for side in picture.shape[1:3]]
    if size[0] * size[1] >= old[0] * old[1]:
        return tf.image.resize(picture, size)
    if size[0] <= old[0] and size[1] <= old[1]:
        return tf.image.resize(picture, size, "area")
    down, across = (tf.constant(_weigh_lines(*sides)) for sides in zip(old, size, strict=True))
    return tf.einsum("ab,nbcd,ec->naed", down, picture, across)


def _weigh_lines(old: int, new: int) -> NDArray[np.float32]:
    """Return weights ``(new, old)`` of OpenCV's INTER_AREA for a picture of which one side grows."""
    weights, growth = np.zeros((new, old), np.float32), new / old
    for line in range(new):
        lower = int(line * (1 / growth))  # rounded twice, as OpenCV does it: whole numbers may fall short
        share = max((line + 1) - (lower + 1) * growth, 0.0)
        share -= int(share)
        weights[line, lower] += 1 - share
        weights[line, min(lower + 1, old - 1)] += share
    return weights


def make_batch(resized: NDArray[np.float32], feed: Feed) -> NDArray[Any]:
    """Return the model's input for a picture that ``resize_pixels`` made."""
    tf = tensorflow()
    picture = tf.constant(resized)
    if feed.channels == "GREY":
        picture = tf.image.rgb_to_grayscale(picture)
    elif feed.channels in {"BGR", "BGRA"}:
        picture = tf.reverse(picture, [-1])
    if feed.channels.endswith("A"):
        picture = tf.concat([picture, tf.fill([feed.height, feed.width, 1], 255.0)], -1)
    wanted = tf.dtypes.as_dtype(feed.dtype)
    if wanted.is_integer:
        picture = tf.cast(tf.round(picture) - (128.0 if feed.dtype == "int8" else 0.0), wanted)
    else:
        scaled = (picture - tf.constant(feed.mean, tf.float32)) / tf.constant(feed.std, tf.float32)
        picture = tf.cast(scaled, wanted)
    if feed.layout == "NCHW":
        picture = tf.transpose(picture, [2, 0, 1])
    if feed.rank == 3:
        return np.asarray(picture.numpy())
    return np.asarray(tf.tile(picture[tf.newaxis], [feed.batch, 1, 1, 1]).numpy())
