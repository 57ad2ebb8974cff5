"""Watch by the rules and tell: one thread that looks at the history, and one for each channel that sends.

Exactly one process of a control room runs it. All that it knows is in the history, so another process can go
on where this one ended.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from edge_node.control_room.alerts.courier import BoundedSend, Courier
from edge_node.control_room.alerts.defect_watch import DefectWatch
from edge_node.control_room.alerts.evaluator import Evaluator
from edge_node.control_room.alerts.message_maker import MessageMaker
from edge_node.control_room.history.database import HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from edge_node.control_room.alerts.apprise_sender import AppriseSender
    from edge_node.control_room.history.history import History
    from edge_node.control_room.settings import RoomSettings

LOOK_S = 2.0
_MOST_SHARE = 10  # a look that takes long comes less often: a tenth of the time is for looking
_STOP_S = 2.0

_log = logging.getLogger(__name__)


class AlertService:
    """The alerts of a control room; a room without rules starts no thread."""

    def __init__(
        self,
        settings: RoomSettings,
        history: History,
        sender: AppriseSender,
        now: Callable[[], datetime],
        describe_link: Callable[[], str] = lambda: "",
    ) -> None:
        """Prepare.

        Args:
            settings: of the room.
            history: is watched, and keeps what was told.
            sender: has the channels.
            now: the room's clock.
            describe_link: says in a sentence that this room hears no robot, or returns "".
        """
        alerts, database = settings.alerts, history.database
        defects = DefectWatch(database, settings.room.severities)
        self._rules = alerts.rules
        self._now = now
        self._evaluator = Evaluator(alerts, settings.room.severities, database, defects)
        self._maker = MessageMaker(alerts, sender.channels, database, defects, describe_link)
        self._couriers = [
            Courier(BoundedSend(sender, name), name, database, now, alerts.too_old_h)
            for name in sender.channels
        ]
        self._channels = sender.channels
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin to watch and to send, unless there are no rules."""
        if not self._rules:
            return
        if not self._channels:
            _log.warning("[alerts] has rules but no channel: what they find is listed, and nobody is told")
        for courier in self._couriers:
            courier.start()
        self._thread.start()

    def stop(self) -> None:
        """End the threads; what waits is sent after the next start."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        for courier in self._couriers:
            courier.stop()

    def _run(self) -> None:
        has_begun, wait_s, problem = False, 0.0, ""
        while not self._ended.wait(wait_s):
            began_s = time.monotonic()
            try:
                if not has_begun:
                    self._evaluator.begin(self._now())
                    self._maker.begin(self._now())
                    has_begun = True
                self.look(began_s)
                problem = ""
            except HistoryError as err:
                if str(err) != problem:
                    _log.warning("alerts: %s", err)
                problem = str(err)
            except Exception:  # noqa: BLE001  what one robot sent must not end all alerts
                _log.exception("alerts: unexpected; trying again")
            wait_s = max(LOOK_S, _MOST_SHARE * (time.monotonic() - began_s))

    def look(self, now_s: float) -> None:
        """Evaluate the rules, and make the messages that are due.

        Raises:
            HistoryError: the history cannot be read or written.
        """
        now = self._now()
        for event in self._evaluator.look(now, now_s):
            _log.info("alert rule %s: %s: %s", event.rule, event.kind.value, event.text)
        if self._maker.look(now, now_s):
            for courier in self._couriers:
                courier.wake()
