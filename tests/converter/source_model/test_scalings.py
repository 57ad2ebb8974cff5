"""Other scalings of a source: which are tried, how long, and what they gain."""

from __future__ import annotations

from dataclasses import replace

from converter.source_model.feed import Feed
from converter.source_model.request import CHOSEN, EXCHANGED_LABELS
from converter.source_model.scalings import list_alternatives, list_variants, score_scalings

SYMMETRIC = Feed(32, 32, "bilinear", "NHWC", "RGB", (127.5,), (127.5,))


def names(feed: Feed) -> list[str]:
    """Return the alternatives' names."""
    return [name for name, _ in list_alternatives(feed)]


def test_the_chosen_scaling_is_no_alternative_to_itself():
    """Three usual scalings and the other order of colours, less what is chosen, and what makes no sense."""
    assert names(SYMMETRIC) == ["/ 255", "0 to 255", "BGR instead of RGB"]
    assert names(replace(SYMMETRIC, mean=(0.0,), std=(1.0,)))[:2] == ["/ 255", "-1 to 1"]
    assert names(replace(SYMMETRIC, channels="GREY")) == ["/ 255", "0 to 255"]
    assert names(replace(SYMMETRIC, dtype="uint8")) == ["BGR instead of RGB"]
    assert names(replace(SYMMETRIC, raw=True)) == []


def test_means_turn_with_the_colours():
    """Caffe's means stay with their colours when these are exchanged."""
    caffe = replace(SYMMETRIC, channels="BGR", mean=(104.0, 117.0, 123.0), std=(1.0,))
    turned = dict(list_alternatives(caffe))["RGB instead of BGR"]
    assert (turned.channels, turned.mean) == ("RGB", (123.0, 117.0, 104.0))


def test_variants_cover_scaling_order_and_resizing():
    """What may explain a bundle: also pairs of scaling and order, Caffe's means, and rules of resizing."""
    found = [name for name, _ in list_variants(SYMMETRIC)]
    assert {"pixels / 255", "pixels / 255, BGR", "pixels less Caffe's means, BGR"} <= set(found)
    assert {"pictures resized by area", "pictures resized by bilinear of TensorFlow 1"} <= set(found)
    assert len(found) == len(set(found))


def test_only_an_alternative_that_is_ahead_is_asked_about_every_picture():
    """Of 60 labelled pictures, the worse ones see 24; the better one sees all, with what it gains."""
    truth = [at % 2 for at in range(60)]
    asked: list[tuple[int, Feed]] = []

    def choose(at: int, feed: Feed) -> int:
        asked.append((at, feed))
        is_right = feed.std == (255.0,) or at % 3 == 0
        return truth[at] if is_right else 1 - truth[at]

    first, *others = score_scalings(SYMMETRIC, truth, 2, choose)
    found = {score.name: score for score in others}
    assert (first.name, first.right, first.pictures) == (CHOSEN, 20, 60)
    better = found["/ 255"]
    assert (better.right, better.pictures, better.gained, better.lost) == (60, 60, 40, 0)
    assert found["0 to 255"].pictures == 24
    assert found[EXCHANGED_LABELS].right == 40  # two labels, and two of three answers wrong
    assert sum(feed == SYMMETRIC for _, feed in asked) == 60  # once each


def test_without_known_labels_nothing_is_tried():
    """Pictures whose label is not known cost nothing."""
    assert score_scalings(SYMMETRIC, [-1, -1], 2, lambda *_: 1 / 0) == ()
