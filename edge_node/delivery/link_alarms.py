"""Collect alarms about the link for the operator: what the broker refuses, and who disturbs the connection.

Another client with our client id, or a bad link, is recognized by how connections end.
"""

from __future__ import annotations

import logging

from edge_node.messages.status import Alarm

_log = logging.getLogger(__name__)

_UNDISTURBED_S = 300.0  # another client of our name would have come back by then
_SHORT_S = 5.0
_SHORT_ENDS = 5  # not every broker says that another client took over
_TAKEN_OVER, _UNSTABLE = "taken_over", "unstable"


class LinkAlarms:
    """Hold the alarms of one robot's link, each code once."""

    def __init__(self) -> None:
        self._alarms: dict[str, Alarm] = {}
        self._short_ends = 0

    @property
    def active(self) -> tuple[Alarm, ...]:
        """The alarms that the operator should look into now."""
        return tuple(self._alarms.values())

    def set(self, code: str, text: str) -> None:
        """Add an alarm, or give one its new text; it is logged when it is new."""
        if code not in self._alarms:
            _log.error("%s", text)
        self._alarms[code] = Alarm(code=code, text=text)

    def clear(self, code: str) -> None:
        """Remove the alarm of that code, if there is one."""
        self._alarms.pop(code, None)

    def connection_ended(self, lasted_s: float, *, taken_over: bool, is_explained: bool) -> bool:
        """Note the end of a connection, or of an attempt; return whether somebody seems to disturb it.

        Args:
            lasted_s: since the last connection was made.
            taken_over: the broker said that another client came under our client id.
            is_explained: it never stood, or a row on its way may be the reason, which is found by trying
                again soon; such an end is not counted.
        """
        if not is_explained:
            self._short_ends = self._short_ends + 1 if lasted_s < _SHORT_S else 0
        if taken_over:
            text = "another client connects under our client id: two nodes of one name?"
            self.set(_TAKEN_OVER, f"{text} see [mqtt] client_id")
        elif self._short_ends >= _SHORT_ENDS:
            text = "the connection ends soon after it is made, again and again: a bad link, or another client"
            self.set(_UNSTABLE, f"{text} under our client id; see [mqtt] client_id")
        return taken_over or self._short_ends >= _SHORT_ENDS

    def connection_holds(self, lasted_s: float) -> None:
        """Note that a connection has held for so long: what disturbed earlier ones is over at some time."""
        if lasted_s > _UNDISTURBED_S:
            self.clear(_TAKEN_OVER)
            self.clear(_UNSTABLE)
