"""Pause and resume inspection: the switch, and the handlers of the two commands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edge_node.commands.responses import CommandOutcome
from edge_node.messages.response import Result

if TYPE_CHECKING:
    from edge_node.commands.admission import AdmittedCommand
    from edge_node.messages.command import Pause, Resume


class PauseSwitch:
    """Hold whether frames are inspected, for capture and main loop; may be used by several threads."""

    def __init__(self) -> None:
        self._until_s: float | None = None

    @property
    def is_paused(self) -> bool:
        """True while no frames are to be inspected."""
        until_s = self._until_s
        return until_s is not None and time.monotonic() < until_s

    def pause(self, duration_s: float | None) -> None:
        """Inspect no frames for ``duration_s``, or until ``resume`` if it is None."""
        self._until_s = float("inf") if duration_s is None else time.monotonic() + duration_s

    def resume(self) -> None:
        """Inspect frames again."""
        self._until_s = None


class PauseHandler:
    """Execute ``pause``."""

    def __init__(self, switch: PauseSwitch) -> None:
        self._switch = switch

    def handle(self, admitted: AdmittedCommand[Pause]) -> CommandOutcome:
        """Pause for as long as the command says."""
        self._switch.pause(admitted.command.duration_s)
        return CommandOutcome(Result.DONE)


class ResumeHandler:
    """Execute ``resume``."""

    def __init__(self, switch: PauseSwitch) -> None:
        self._switch = switch

    def handle(self, _admitted: AdmittedCommand[Resume]) -> CommandOutcome:
        """Inspect frames again."""
        self._switch.resume()
        return CommandOutcome(Result.DONE)
