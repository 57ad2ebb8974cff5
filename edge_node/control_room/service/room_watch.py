"""Look for defects and tell alerts in what a room stores; one process of a room does, whatever others do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.alerts.alert_service import AlertService
from edge_node.control_room.history.defects.keeper import DefectKeeper
from edge_node.control_room.service.drawing_files import keep_drawing_files, read_drawing_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.clock_floor import ClockFloor
    from edge_node.control_room.alerts.apprise_sender import AppriseSender
    from edge_node.control_room.history.history import History
    from edge_node.control_room.settings import RoomSettings


class RoomWatch:
    """The threads that watch a history, and the drawings that the configuration gives it."""

    def __init__(  # noqa: PLR0913  each is a part, by name
        self,
        settings: RoomSettings,
        history: History,
        sender: AppriseSender,
        floor: ClockFloor,
        *,
        describe_outage: Callable[[], str],
        on_defects: Callable[[set[int]], None],
    ) -> None:
        """Store the drawings of ``[drawings]``, and prepare the threads.

        Args:
            settings: of the room.
            history: is watched.
            sender: has the channels of alerts.
            floor: of time.
            describe_outage: says in a sentence that this room hears no robot, or returns "".
            on_defects: called with the keys of defects that changed.

        Raises:
            ConfigError: a drawing cannot be used.
            HistoryError: the history cannot be written.
        """
        keep_drawing_files(read_drawing_files(settings.drawings), history.database)
        self._defects = DefectKeeper(history.database, on_defects)
        self._alerts = AlertService(settings, history, sender, lambda: floor.read().label, describe_outage)

    def start(self) -> None:
        """Begin to watch."""
        self._defects.start()
        self._alerts.start()

    def note_findings(self) -> None:
        """Say that findings were stored; from any thread."""
        self._defects.note_findings()

    def stop(self) -> None:
        """End the threads, also where they were not started; what is left is done after the next start."""
        self._alerts.stop()
        self._defects.stop()
