"""Rendered subjects of no metal: every kind, each repeatable."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import pytest

from converter.specimens.sets.dataset import write_dataset
from converter.specimens.things.not_metal import Other, OtherSpec, render_other
from tests.support.specimens import rows_of


def test_other_things_have_a_kind_and_nothing_of_metal(tmp_path):
    """Two pictures of each subject, kinds in turn, no material, condition or mask; the metal stays."""
    rows = rows_of(write_dataset(tmp_path / "both", 4, seed=5, size=(96, 72), other=2 * len(Other) + 2))
    others = [row for row in rows if row["metal"] == "other"]
    assert [row["finish"] for row in others[::2]] == [*(kind.value for kind in Other), "concrete"]
    assert all(one["group"] == two["group"] for one, two in zip(others[::2], others[1::2], strict=True))
    assert {row[column] for row in others for column in ("material", "corroded", "severity", "mask")} == {""}
    assert {row["metal"] for row in rows[:4]} == {"metal"}
    alone = rows_of(write_dataset(tmp_path / "alone", 4, seed=5, size=(96, 72)))
    assert alone == rows[:4]
    pictures = [cv2.imread(str(tmp_path / "both" / row["file"])) for row in others]
    assert all(picture.shape == (72, 96, 3) and picture.std() > 4 for picture in pictures)
    means = [picture.mean(axis=(0, 1)) for picture in pictures]
    assert len({tuple(mean.round(1)) for mean in means}) == len(others)


@pytest.mark.parametrize("kind", list(Other))
def test_every_other_thing_repeats(kind):
    """Equal specs give equal bytes; another seed gives another subject; another view moves it."""
    spec_of = functools.partial(OtherSpec, kind)
    first = render_other(spec_of(seed=3), 96, 72)
    np.testing.assert_array_equal(first, render_other(spec_of(seed=3), 96, 72))
    assert (first != render_other(spec_of(seed=4), 96, 72)).mean() > 0.5
    assert (first != render_other(spec_of(seed=3, view=1), 96, 72)).mean() > 0.3
