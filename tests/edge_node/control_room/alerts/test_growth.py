"""Defects that grow: told once, those of the rule's assets and severities, until they no longer do."""

from __future__ import annotations

from edge_node.control_room.alerts.growth import GrowingDefect


def grow(key: int, label: str, **fields: object) -> GrowingDefect:
    """A defect that grows."""
    given = {
        "name": "",
        "site": "quay",
        "asset": "pipe L-7",
        "robot": "crawler-1",
        "severity": "mid",
        **fields,
    }
    return GrowingDefect(key, label, growth="Growing by +30 mm² a year (95 %: +20 to +40).", **given)


class Known:
    """Defects that a test makes grow."""

    def __init__(self, *found: GrowingDefect) -> None:
        self.found = list(found)

    def growing(self, _now: object) -> list[GrowingDefect]:
        """Return them."""
        return self.found

    def muted(self, _findings: object, _now: object) -> set[tuple[str, str]]:
        """None is."""
        return set()


def test_a_growing_defect_is_told_once_until_it_grows_no_longer(watched) -> None:
    """Its end is no message; if it grows again, that is one."""
    known = Known(grow(12, "D12", name="weld 3"))
    room = watched({"growth": {"when": "growing", "cooldown_s": 0}}, defects=known)
    (told,) = room.tell()
    assert (
        told.title == "quay: defect D12 (weld 3) on pipe L-7: Growing by +30 mm² a year (95 %: +20 to +40)."
    )
    room.restart()
    assert not room.tell()
    known.found.clear()
    assert not room.tell()
    known.found.append(grow(12, "D12"))
    assert len(room.tell()) == 1


def test_a_rule_names_assets_and_the_least_severity(watched) -> None:
    """A defect of no severity, or one that nobody ordered, may be the worst."""
    known = Known(
        grow(1, "D1", severity="none"),
        grow(2, "D2", severity="late"),
        grow(3, "D3", severity=None),
        grow(4, "D4", asset="pipe L-8"),
    )
    rule = {"when": "growing", "severity": "mid", "assets": ["pipe L-7"]}
    room = watched({"growth": rule}, defects=known)
    assert sorted(event.subject for event in room.look()) == ["growing:2", "growing:3"]
