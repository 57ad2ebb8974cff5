"""Defects that grow: told once, those of the rule's assets and severities, until they no longer do."""

from __future__ import annotations

from typing import NamedTuple


class Growing(NamedTuple):
    """A defect that grows."""

    key: int
    label: str
    name: str = ""
    site: str = "quay"
    asset: str | None = "pipe L-7"
    robot: str = "crawler-1"
    severity: str | None = "mid"
    growth: str = "its area grows by 30 mm² a year (20 to 40)"


class Known:
    """Defects that a test makes grow."""

    def __init__(self, *found: Growing) -> None:
        self.found = list(found)

    def growing(self, _now: object) -> list[Growing]:
        """Return them."""
        return self.found

    def muted(self, _findings: object, _now: object) -> set[tuple[str, str]]:
        """None is."""
        return set()


def test_a_growing_defect_is_told_once_until_it_grows_no_longer(watched) -> None:
    """Its end is no message; if it grows again, that is one."""
    known = Known(Growing(12, "D12", "weld 3"))
    room = watched({"growth": {"when": "growing", "cooldown_s": 0}}, defects=known)
    (told,) = room.tell()
    assert (
        told.title
        == "quay: defect D12 (weld 3) on pipe L-7 grows: its area grows by 30 mm² a year (20 to 40)"
    )
    room.restart()
    assert not room.tell()
    known.found.clear()
    assert not room.tell()
    known.found.append(Growing(12, "D12"))
    assert len(room.tell()) == 1


def test_a_rule_names_assets_and_the_least_severity(watched) -> None:
    """A defect of no severity, or one that nobody ordered, may be the worst."""
    known = Known(
        Growing(1, "D1", severity="none"),
        Growing(2, "D2", severity="late"),
        Growing(3, "D3", severity=None),
        Growing(4, "D4", asset="pipe L-8"),
    )
    rule = {"when": "growing", "severity": "mid", "assets": ["pipe L-7"]}
    room = watched({"growth": rule}, defects=known)
    assert sorted(event.subject for event in room.look()) == ["growing:2", "growing:3"]
