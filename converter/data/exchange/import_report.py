"""Report what became of a data set that was imported: as a file, and in lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_node.labels_csv import LABELS_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPORT_NAME = "import.json"


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a data set; written as ``import.json``."""

    tool: str
    source: str
    pictures: int
    masks: int
    crops: int
    boxes: int
    turned: int
    groups: int
    joined: dict[str, int]
    conditions: dict[str, int]
    categories: dict[str, dict[str, str]]
    left_out: dict[str, tuple[str, ...]]
    turned_by_habit: int = 0


def iter_summary(report: ImportReport, out: Path, *, most_shown: int = 3) -> Iterator[str]:
    """Yield what became of a data set, in lines."""
    told = ", ".join(f"{count} {name}" for name, count in sorted(report.conditions.items()))
    yield f"{report.pictures} pictures of {report.tool}, {report.masks} masks: {out / LABELS_NAME}"
    yield f"  {told}"
    joined = ", ".join(f"{count} joined by {reason}" for reason, count in report.joined.items())
    yield f"  {report.groups} groups{f' ({joined})' if joined else ''}"
    if report.boxes:
        made = f"cut out as {report.crops} pictures" if report.crops else "taken as labels of their pictures"
        boxes = f"{report.boxes} box{'' if report.boxes == 1 else 'es'}"
        yield f"  {boxes} {made}; a box is no mask, so it marks no pixel as corroded"
    if report.turned:
        yield f"  {report.turned} pictures are turned by their EXIF data; masks are turned with them"
    if report.turned_by_habit:
        yield (
            f"  for {report.turned_by_habit} of them the sizes do not say whether positions are meant before"
            f" the turn; {report.tool}'s usual way was taken. Look at their masks, and give --orientation if"
            " they are wrong"
        )
    total = sum(len(names) for names in report.left_out.values())
    if total:
        yield f"left out ({REPORT_NAME} names all {total}):"
    for reason, names in report.left_out.items():
        more = ", ..." if len(names) > most_shown else ""
        yield f"  {len(names)}  {reason}: {', '.join(names[:most_shown])}{more}"
