"""Say what changed between two missions, in words for page, table and paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.comparison.changes import ChangeKind
from edge_node.messages.plain_text import area_text, counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from edge_node.control_room.comparison.changes import Change, SeenDefect, Sight
    from edge_node.control_room.comparison.comparison import Comparison
    from edge_node.control_room.history.missions.mission import AssetMission

KIND_WORDS = {
    ChangeKind.NEW: "new",
    ChangeKind.GROWN: "grown",
    ChangeKind.GONE: "gone",
    ChangeKind.UNSEEN: "unseen this time",
    ChangeKind.SEEN_AGAIN: "seen again",
    ChangeKind.UNCHANGED: "unchanged",
}


def say_kind(change: Change) -> str:
    """Return the kind of a change in words."""
    words = KIND_WORDS[change.kind]
    return f"{words}, perhaps older" if change.kind is ChangeKind.NEW and not change.is_sure else words


def say_counts(comparison: Comparison) -> str:
    """Return how many defects changed in which way: one sentence."""
    counts = comparison.counts
    parts = [f"{counts[kind.value]} {words}" for kind, words in KIND_WORDS.items() if counts[kind.value]]
    if not parts:
        return "Neither mission found a defect."
    return f"{counted(sum(counts.values()), 'defect')}: {', '.join(parts)}."


def name_mission(mission: AssetMission, moment: Callable[[datetime], str]) -> str:
    """Return what a mission is called: a person's name for it, its time and its robot."""
    when = f"{moment(mission.began_at)}, {mission.robot}"
    return f"{mission.name} ({when})" if mission.name else when


def describe_mission(mission: AssetMission, moment: Callable[[datetime], str]) -> str:
    """Return its name with the stretch that it covered and how much of it was judged."""
    text = name_mission(mission, moment)
    if mission.from_m is not None and mission.to_m is not None:
        text += f"; {mission.from_m:.2f} m to {mission.to_m:.2f} m"
    share = mission.judged / mission.verdicts if mission.verdicts else 0.0
    text += f"; {mission.judged:,} of {counted(mission.verdicts, 'frame')} judged ({share:.0%})"
    if mission.coverage is not None:
        text += f", {mission.coverage:.0%} of the way"
    return text


def name_defect(defect: SeenDefect) -> str:
    """Return a defect's number, and its name if it has one."""
    return f"{defect.label} {defect.name}".strip()


def say_place(defect: SeenDefect) -> str:
    """Return where on the asset a defect is: along the path, or in space."""
    stretch = defect.place
    if stretch is None:
        if defect.in_space is None:
            return "place not known"
        return "x {:.2f}, y {:.2f}, z {:.2f} m".format(*defect.in_space)
    if stretch.to_m - stretch.from_m < 0.005:
        return f"{stretch.from_m:.2f} m"
    return f"{stretch.from_m:.2f} to {stretch.to_m:.2f} m"


def say_area(sight: Sight | None) -> str:
    """Return the largest area that a mission saw of a defect, on the surface where that is known."""
    if sight is None:
        return "—"
    if sight.area_mm2:
        return area_text(sight.area_mm2)
    return f"{sight.area_fraction:.0%}" if sight.area_fraction else "—"


def say_severity(sight: Sight | None) -> str:
    """Return the severity that a mission saw."""
    return "—" if sight is None else sight.severity or "not told"
