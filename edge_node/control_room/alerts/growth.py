"""Find defects that grow, over all missions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from edge_node.control_room.alerts.observation import Observation
from edge_node.messages.plain_text import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from edge_node.control_room.alert_sections import AlertRule

_MAX_TEXT = 300


class GrowingDefect(NamedTuple):
    """A defect that grows; ``growth`` says how fast, in a sentence."""

    key: int
    label: str
    name: str
    site: str
    asset: str | None
    robot: str
    severity: str | None
    growth: str


class Defects(Protocol):
    """What is known of defects."""

    def growing(self, now: datetime) -> Sequence[GrowingDefect]:
        """Return the defects that grow and that nobody has muted."""

    def muted(self, findings: Sequence[tuple[str, str]], now: datetime) -> set[tuple[str, str]]:
        """Return those of the findings, by site and id, whose defect somebody has muted."""


def observe_growth(
    rule: AlertRule, severities: Sequence[str], defects: Defects, now: datetime
) -> Iterator[Observation]:
    """Yield the defects that grow."""
    for one in defects.growing(now):
        if not rule.concerns(one.site, one.robot, one.asset):
            continue
        if rule.severity is not None and one.severity in severities[: severities.index(rule.severity)]:
            continue
        named = f"{one.label} ({one.name})" if one.name else one.label
        asset = f" on {one.asset}" if one.asset else ""
        text = escape_unprintable(f"{one.site}: defect {named}{asset}: {one.growth}")[:_MAX_TEXT]
        yield Observation(f"{one.key}", one.site, one.robot, text)
