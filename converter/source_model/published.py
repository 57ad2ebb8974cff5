"""State how well-known networks were trained to take their pixels, as their authors published it.

Written from the sources named here, not from the converter's own table: where both are right they agree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Published:
    """The scaling ``(pixel - mean) / std`` of a network, and where that is written."""

    network: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str
    colour_order: str = "RGB"

    @property
    def is_of_tensorflow_1(self) -> bool:
        """Whether the network's own scripts are older than TensorFlow 2, and resize as these did."""
        return self.source is _SLIM


_SLIM = "tf-slim, preprocessing/inception_preprocessing.py: 2 * (pixel / 255 - 0.5)"
_KERAS_TF = "keras.applications.imagenet_utils, mode tf: pixel / 127.5 - 1"
_KERAS_CAFFE = "keras.applications.imagenet_utils, mode caffe: BGR less the means of ImageNet"
_CAFFE = (103.939, 116.779, 123.68)
_BY_NAME = (
    (r"(^|/)MobilenetV[123](/|_|$)", "MobileNet of tf-slim", (127.5,), (127.5,), _SLIM, "RGB"),
    (r"(^|/)(InceptionV[34]|InceptionResnetV2)/", "Inception of tf-slim", (127.5,), (127.5,), _SLIM, "RGB"),
    (
        r"(^|/)(mobilenet|inception|xception|nasnet|resnet\d*v2)[\w.]*/",
        "a network of keras.applications",
        (127.5,),
        (127.5,),
        _KERAS_TF,
        "RGB",
    ),
    (
        r"(^|/)(resnet\d+|vgg\d+)(_\d+)?/",
        "a network of keras.applications",
        _CAFFE,
        (1.0,),
        _KERAS_CAFFE,
        "BGR",
    ),
)


def look_up(names: Iterable[str]) -> Published | None:
    """Return what is published of the one network that names of nodes stand for; None for others."""
    names = tuple(names)
    for pattern, network, mean, std, source, order in _BY_NAME:
        flags = re.IGNORECASE if pattern.endswith("*/") else 0
        if any(re.search(pattern, name, flags) for name in names):
            return Published(network, mean, std, source, order)
    return None


def recognise_caffe(means: tuple[float, ...]) -> str | None:
    """Return the order in which Caffe's three means of ImageNet stand; None for other numbers."""
    for order, wanted in (("BGR", _CAFFE), ("RGB", _CAFFE[::-1])):
        if len(means) == 3 and all(abs(a - b) < 1.5 for a, b in zip(means, wanted, strict=True)):
            return order
    return None
