"""List other ways to feed a source model, so that one of them may explain what a bundle says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from converter.source_model.scalings import list_alternatives, turn_colours

if TYPE_CHECKING:
    from collections.abc import Iterator

    from converter.source_model.feed import Feed

_CAFFE_BGR = (103.939, 116.779, 123.68)


def list_variants(feed: Feed) -> Iterator[tuple[str, Feed]]:
    """Yield each variant with its name: scaling, order of colours, rule of resizing, and pairs of them."""
    if feed.raw:
        return
    for name, other in list_alternatives(feed):
        yield f"pixels {name}", other
        if (turned := turn_colours(other)) is not None and other.channels == feed.channels:
            yield f"pixels {name}, {turned.channels}", turned
    if feed.channels in {"RGB", "BGR"} and "int" not in feed.dtype:
        for order, mean in (("BGR", _CAFFE_BGR), ("RGB", _CAFFE_BGR[::-1])):
            yield f"pixels less Caffe's means, {order}", replace(feed, channels=order, mean=mean, std=(1.0,))
    for rule in ("bilinear of TensorFlow 1", "bilinear", "area"):
        if rule != feed.resize:
            yield f"pictures resized by {rule}", replace(feed, resize=rule)
