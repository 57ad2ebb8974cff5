"""Read for alert rules which defects grow, at most once a minute, and whose defects somebody has muted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edge_node.control_room.alerts.growth import GrowingDefect
from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.defects.records import SEVERITIES, DefectFilter, DefectState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from edge_node.control_room.history.database import Database

AGAIN_S = 60.0  # a defect grows over missions; to ask means to read what was seen of all defects
_MOST = 10_000


class DefectWatch:
    """The defects of one history; of one thread."""

    def __init__(self, database: Database, severities: Sequence[str] = SEVERITIES) -> None:
        self._book = DefectBook(database, severities)
        self._read_s = float("-inf")
        self._growing: list[GrowingDefect] = []

    def growing(self, now: datetime) -> Sequence[GrowingDefect]:
        """Return the defects that grow and that nobody has muted."""
        if time.monotonic() - self._read_s >= AGAIN_S:
            self._read_s = time.monotonic()
            only = DefectFilter(state=DefectState.GROWING, muted=False)
            self._growing = [
                GrowingDefect(
                    *(one.key, one.label, one.name, one.site, one.asset),
                    *("" if one.newest is None else one.newest.robot, one.severity, one.growth.text),
                )
                for one in self._book.defects(only, limit=_MOST, now=now)
            ]
        return self._growing

    def muted(self, findings: Sequence[tuple[str, str]], now: datetime) -> set[tuple[str, str]]:
        """Return those of the findings, by site and id, whose defect somebody has muted."""
        self._book.catch_up()  # a finding that has just come may belong to none yet
        return self._book.muted_findings(findings, now)
