"""Let robots in up to a bound; others wait until a person admits them, and nothing of them is stored.

Whoever may publish can invent names without end: each would be a robot on every page, and in every count.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edge_node.control_room.history.shares.quarantine import ADMITTED, WAITING

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.history.history import History
    from edge_node.control_room.sections import RoomConfig

_LOOK_S = 2.0  # after which a decision holds that was made elsewhere: on the command line
NOTICE = (
    "more robots send than [room] max_robots, max_sites or sites let in: nothing of them is stored until an"
    " admin admits them, on this page or with `edge-node control-room admit`"
)


class Admission:
    """Tell which robots' messages are stored; used by one thread."""

    def __init__(
        self, room: RoomConfig, history: History, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Admit robots by the bounds of ``room`` and by what people decided."""
        self._room = room
        self._history = history
        self._now_s = now_s
        self._known: set[tuple[str, str]] = set()
        self._sites: set[str] = set()
        self._states: dict[tuple[str, str], str] = {}
        self._looked_s = float("-inf")
        self._turned_away = False

    @property
    def turned_away(self) -> bool:
        """Whether a robot waits, or came while it waited, since the start."""
        return self._turned_away

    def look(self, *, at_once: bool = False) -> None:
        """Read again, now and then or ``at_once``, who is known and what people decided.

        Raises:
            HistoryError: the history cannot be read.
        """
        if self._now_s() - self._looked_s < _LOOK_S and not at_once:
            return
        self._looked_s = self._now_s()
        self._states = self._history.admissions()
        self._known = self._history.robot_names()
        self._sites = {site for site, _ in self._known}

    def knows(self, site: str, robot: str) -> bool:
        """Tell whether a robot is in already: its messages are stored whatever other processes let in."""
        return (site, robot) in self._known and self._states.get((site, robot), ADMITTED) == ADMITTED

    def admits(self, site: str, robot: str) -> bool:
        """Tell whether a robot's messages are stored; a new one within the bounds is known from now on."""
        key = site, robot
        state = self._states.get(key)
        if state is not None and state != ADMITTED:
            self._turned_away = self._turned_away or state == WAITING
            return False
        if key in self._known:
            return True
        if state is None and not self._has_room(site):
            self._turned_away = True
            return False
        self._known.add(key)
        self._sites.add(site)
        return True

    def _has_room(self, site: str) -> bool:
        room = self._room
        if len(self._known) >= room.max_robots or (room.sites and site not in room.sites):
            return False
        return site in self._sites or len(self._sites) < room.max_sites
