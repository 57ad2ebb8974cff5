"""What is wrong with the link, for the operator: what the broker refuses, and who disturbs the connection.

Another client of our name, or a bad link, is told by how connections end.
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
    """The alarms of one robot's link, each code once."""

    def __init__(self) -> None:
        self._alarms: dict[str, Alarm] = {}
        self._short_ends = 0

    @property
    def now(self) -> tuple[Alarm, ...]:
        """What the operator should look into now."""
        return tuple(self._alarms.values())

    def sound(self, code: str, text: str) -> None:
        """Add an alarm, or give one its new text; it is logged when it is new."""
        if code not in self._alarms:
            _log.error("%s", text)
        self._alarms[code] = Alarm(code=code, text=text)

    def silence(self, code: str) -> None:
        """Take an alarm back, if there is one of that code."""
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
            self.sound(_TAKEN_OVER, f"{text} see [mqtt] client_id")
        elif self._short_ends >= _SHORT_ENDS:
            text = "the connection ends soon after it is made, again and again: a bad link, or another client"
            self.sound(_UNSTABLE, f"{text} under our client id; see [mqtt] client_id")
        return taken_over or self._short_ends >= _SHORT_ENDS

    def connection_holds(self, lasted_s: float) -> None:
        """Note that a connection has held for so long: what disturbed earlier ones is over at some time."""
        if lasted_s > _UNDISTURBED_S:
            self.silence(_TAKEN_OVER)
            self.silence(_UNSTABLE)
