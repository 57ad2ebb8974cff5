"""A real history with alert rules over it, whose clocks a test moves."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.control_room.alert_sections import AlertsConfig
from edge_node.control_room.alerts.evaluator import Evaluator
from edge_node.control_room.alerts.message_maker import MessageMaker
from edge_node.control_room.history.alerts.event_book import EventBook
from edge_node.control_room.history.alerts.message_book import MessageBook
from edge_node.control_room.history.history import History
from edge_node.messages.status import Health, OfflineReason, Part, PartState, Presence, Status
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.alerts.growth import Defects
    from edge_node.control_room.history.alerts.event_book import AlertEvent
    from edge_node.control_room.history.alerts.message_book import AlertMessage

BEGAN = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)
SEVERITIES = ("none", "mid", "late")


def status(robot: str = "crawler-1", site: str = "quay", **fields: Any) -> Status:
    """A robot that is online and well."""
    part = Part(state=PartState.OK)
    well = {"camera": part, "model": part, "clock": part}
    return Status(site=site, robot=robot, since=BEGAN, **{**well, **fields})


def offline(robot: str = "crawler-1", reason: OfflineReason = OfflineReason.LINK_LOST) -> Status:
    """A robot's will, or what it says when it stops."""
    return status(robot, presence=Presence.OFFLINE, offline_reason=reason)


class WatchedRoom:
    """Rules over a history; ``wait`` moves both clocks."""

    def __init__(
        self,
        folder: Path,
        rules: dict[str, dict[str, Any]],
        *,
        channels: tuple[str, ...] = ("duty",),
        defects: Defects | None = None,
        **alerts: Any,
    ) -> None:
        self.now, self.now_s = BEGAN, 1000.0
        self.folder = folder
        self.history = History(folder)
        self.alerts = msgspec.convert({"rules": rules, "gather_s": 0.0, **alerts}, AlertsConfig)
        self.defects, self.link = defects, ""
        self.events, self.messages = EventBook(self.history.database), MessageBook(self.history.database)
        self._channels = channels
        self._seq = 0
        self.restart()

    def restart(self) -> None:
        """Start the program again on the same history."""
        database = self.history.database
        self._evaluator = Evaluator(self.alerts, SEVERITIES, database, self.defects)
        self._maker = MessageMaker(self.alerts, self._channels, database, self.defects, lambda: self.link)
        self._evaluator.begin(self.now)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        self.now_s += seconds

    def say(self, *messages: Any) -> None:
        """Store messages of robots as they come now."""
        for message in messages:
            if isinstance(message, Status):
                self.history.set_status(message, received_at=self.now)
            elif isinstance(message, Health):
                self.history.set_health(message, received_at=self.now)
            elif hasattr(message, "finding_id") or hasattr(message, "first_verdict"):
                self.history.add_finding(message, received_at=self.now)
            else:
                self.history.add_response(message, received_at=self.now)

    def judge(self, what: str, robot: str = "crawler-1", *, replayed: bool = False, **fields: Any) -> None:
        """Store a verdict for each letter: C U ? X."""
        for letter in what:
            self._seq += 1
            made = verdict(self._seq, letter, **{"observed_at": self.now, **fields})
            made = msgspec.structs.replace(made, robot=robot, id=f"{robot}:epoch:{self._seq}")
            self.history.add_verdict(made, received_at=self.now, replayed=replayed)

    def look(self) -> list[AlertEvent]:
        """Look at the history by the rules; return what is news."""
        return self._evaluator.look(self.now, self.now_s)

    def tell(self) -> list[AlertMessage]:
        """Look, make messages, and return the new ones, oldest first."""
        known = {message.key for message, _ in self.messages.messages(100)}
        self.look()
        self._maker.look(self.now, self.now_s)
        found = [message for message, _ in self.messages.messages(100) if message.key not in known]
        return found[::-1]

    def close(self) -> None:
        """Close the history."""
        self.history.close()
