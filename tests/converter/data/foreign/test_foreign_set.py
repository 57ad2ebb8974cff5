"""What is read of another tool's data set."""

from __future__ import annotations

from converter.data.foreign.foreign_set import LeftOut, Region
from converter.data.foreign.shapes import Box, Polygons


def test_a_region_is_a_mask_a_box_or_a_whole_picture():
    """A mask counts before the box around it."""
    box, shape = Box(0, 0, 1, 1), Polygons(((0.0, 0.0, 1.0, 0.0, 1.0, 1.0),))
    assert [Region("a", box, shape).kind, Region("a", box).kind, Region("a").kind] == [
        "masks",
        "boxes",
        "pictures",
    ]


def test_what_is_left_out_is_counted_by_reason():
    """The most frequent reason comes first."""
    left_out = LeftOut()
    for reason, name in (("cut off", "a"), ("missing", "b"), ("missing", "c")):
        left_out.add(reason, name)
    assert list(left_out.names.items()) == [("missing", ("b", "c")), ("cut off", ("a",))]
