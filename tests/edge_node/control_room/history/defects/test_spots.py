"""What speaks for two places being one."""

from __future__ import annotations

from edge_node.control_room.history.defects.spots import Anchor, Look, Spot, compare_looks


def test_kind_and_size_are_clues_and_no_walls() -> None:
    """What agrees speaks for one place, what differs against it: a pattern outweighs both."""
    seen = Look(material="steel", form="general", severity="mid", area_mm2=100.0)
    other = Look(material="aluminium", form="pitting", severity="late", area_mm2=900.0)
    known = [Anchor(1, 0.0, seen), Anchor(2, 0.0, other), Anchor(3, 0.0, Look())]
    same, differs, unknown = compare_looks([Spot((1,), 0.0, seen)], known)[0]
    assert same > unknown == 0.0 > differs
    assert differs > -5.0
