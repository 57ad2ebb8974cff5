"""Ask a source model under other scalings of its pixels: is it more often right, does it explain a bundle?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from converter.source_model.request import CHOSEN, EXCHANGED_LABELS, UNKNOWN_LABEL, ScalingScore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from converter.source_model.feed import Feed, ResizeRule

_CAFFE_BGR = (103.939, 116.779, 123.68)
_RULES: tuple[ResizeRule, ...] = ("bilinear of TensorFlow 1", "bilinear", "area")
_BATCH = 24  # pictures between two looks at who is ahead


def list_alternatives(feed: Feed) -> Iterator[tuple[str, Feed]]:
    """Yield other usual ways to scale pixels, each with its name; the chosen one is left out."""
    for name, mean, std in (("/ 255", 0.0, 255.0), ("-1 to 1", 127.5, 127.5), ("0 to 255", 0.0, 1.0)):
        other = replace(feed, mean=(mean,), std=(std,))
        if not feed.raw and "int" not in feed.dtype and not _is_same(feed, other):
            yield name, other
    if (turned := turn_colours(feed)) is not None:
        yield f"{turned.channels} instead of {feed.channels}", turned


def turn_colours(feed: Feed) -> Feed | None:
    """Return a feed with red and blue exchanged; None where there are none, or the model decodes itself."""
    if feed.raw or feed.channels == "GREY":
        return None
    channels = feed.channels.translate(str.maketrans("RB", "BR"))
    return replace(feed, channels=channels, mean=_turn(feed.mean), std=_turn(feed.std))


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
    for rule in _RULES:
        if rule != feed.resize:
            yield f"pictures resized by {rule}", replace(feed, resize=rule)


def score_scalings(
    feed: Feed, truth: Sequence[int], labels: int, choose: Callable[[int, Feed], int]
) -> tuple[ScalingScore, ...]:
    """Return how often a model is right under the chosen scaling, then under others.

    Every scaling is tried on the first pictures; only those that are ahead of the chosen one go on. Two
    labels in the other order are an alternative too, which costs nothing.

    Args:
        feed: the chosen one.
        truth: per picture the index of its label, or ``UNKNOWN_LABEL``.
        labels: how many there are.
        choose: returns the label that the model gives to a picture under a feed.
    """
    known = [at for at, label in enumerate(truth) if label != UNKNOWN_LABEL]
    if not known:
        return ()
    chosen: dict[int, bool] = {}

    def is_right(at: int) -> bool:
        if at not in chosen:
            chosen[at] = choose(at, feed) == truth[at]
        return chosen[at]

    def compare(name: str, is_other_right: Callable[[int], bool]) -> ScalingScore:
        here, there = list[bool](), list[bool]()
        for at in known:
            here.append(is_other_right(at))
            there.append(is_right(at))
            if len(here) % _BATCH == 0 and sum(here) <= sum(there):
                break
        gained = sum(a and not b for a, b in zip(here, there, strict=True))
        lost = sum(b and not a for a, b in zip(here, there, strict=True))
        return ScalingScore(name=name, right=sum(here), pictures=len(here), gained=gained, lost=lost)

    scores = [
        compare(name, lambda at, other=other: choose(at, other) == truth[at])  # type: ignore[misc]  # binds now
        for name, other in list_alternatives(feed)
    ]
    if labels == 2:
        scores.append(compare(EXCHANGED_LABELS, lambda at: not is_right(at)))
    for at in known[:_BATCH]:
        is_right(at)
    first = ScalingScore(name=CHOSEN, right=sum(chosen.values()), pictures=len(chosen))
    return (first, *scores)


def _is_same(feed: Feed, other: Feed) -> bool:
    return all(
        np.allclose(a, b, rtol=0.02, atol=0.6) for a, b in ((feed.mean, other.mean), (feed.std, other.std))
    )


def _turn(values: tuple[float, ...]) -> tuple[float, ...]:
    return values[2::-1] + values[3:] if len(values) >= 3 else values
