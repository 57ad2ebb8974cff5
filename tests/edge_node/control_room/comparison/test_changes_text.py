"""Words for what changed."""

from __future__ import annotations

from dataclasses import replace

from edge_node.control_room.comparison.changes import Change, ChangeKind, SeenDefect
from edge_node.control_room.comparison.changes_text import (
    describe_mission,
    name_mission,
    say_counts,
    say_kind,
    say_place,
)
from edge_node.control_room.comparison.surface import Stretch


def test_a_mission_is_called_by_its_name_and_its_time(comparison):
    """With how much of it was judged."""
    named = replace(comparison.later, name="spring survey")
    assert name_mission(named, lambda at: f"{at:%Y-%m-%d}") == "spring survey (2026-05-30, crawler-1)"
    assert describe_mission(named, lambda at: f"{at:%Y}") == (
        "spring survey (2026, crawler-1); 0.05 m to 11.00 m; 199 of 220 frames judged (90%), 90% of the way"
    )


def test_kinds_and_places_in_words(comparison):
    """What is not sure says so."""
    new = Change(kind=ChangeKind.NEW, defect=SeenDefect(key=1, label="D1"), text="", is_sure=False)
    assert say_kind(new) == "new, perhaps older"
    assert say_kind(replace(new, is_sure=True)) == "new"
    assert say_place(SeenDefect(key=1, label="D1")) == "place not known"
    hull = SeenDefect(key=1, label="D1", in_space=(1.0, 0.0, -2.5))
    assert say_place(hull) == "x 1.00, y 0.00, z -2.50 m"
    assert say_place(SeenDefect(key=1, label="D1", place=Stretch(1.0, 1.0))) == "1.00 m"
    assert say_counts(replace(comparison, changes=())) == "Neither mission found a defect."
