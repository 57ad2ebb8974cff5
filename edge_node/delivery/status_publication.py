"""Fill link and spool into the status message, and tell when it differs from the last one sent. Pure."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from edge_node.messages.status import Alarm, LinkState, OfflineReason, Presence, SpoolDepth, Status
from edge_node.messages.verdict import encode

if TYPE_CHECKING:
    from edge_node.messages.topics import Topics

_CHECK_S = 1.0


class StatusPublication:
    """Hold the status that was set and the one that the broker was sent last."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._status: Status | None = None
        self._sent = b""
        self._checked_s = float("-inf")

    def set(self, status: Status) -> None:
        """Publish ``status`` from now on."""
        self._status = status
        self._checked_s = float("-inf")

    def begin(self) -> None:
        """Note that a connection begins: the status is sent again."""
        self._sent, self._checked_s = b"", float("-inf")

    def is_due(self, now_s: float) -> bool:
        """Tell whether it is time to look for changes; once a second, or after ``set``."""
        if self._status is None or now_s - self._checked_s < _CHECK_S:
            return False
        self._checked_s = now_s
        return True

    def changed(
        self, link: LinkState, depth: SpoolDepth, alarms: tuple[Alarm, ...], *, link_text: str = ""
    ) -> bytes | None:
        """Return what to send now, or None if the broker knows it."""
        if self._status is None:
            return None
        # What changes with every verdict belongs to health; else the status would be sent every second.
        calm = SpoolDepth(
            waiting=0,
            in_memory=0,
            oldest_age_s=None,
            disk_bytes=0,
            dropped=depth.dropped,
            refused=depth.refused,
            quarantined=depth.quarantined,
            alarms=depth.alarms + alarms,
        )
        key = encode(msgspec.structs.replace(self._status, link=link, link_text=link_text, spool=calm))
        if key == self._sent:
            return None
        self._sent = key
        full = msgspec.structs.replace(depth, alarms=calm.alarms)
        return encode(msgspec.structs.replace(self._status, link=link, link_text=link_text, spool=full))

    def offline(self, reason: OfflineReason) -> bytes:
        """Return the status that is published when the robot goes, by itself or by the broker."""
        status = self._status or Status(
            site=self._topics.site, robot=self._topics.robot, since=datetime.now(timezone.utc)
        )
        gone = msgspec.structs.replace(
            status, presence=Presence.OFFLINE, offline_reason=reason, link=LinkState.STOPPED
        )
        return encode(gone)
