"""Execute received commands in the main thread, each by the handler of its verb."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from edge_node.commands.admission import AdmittedCommand
from edge_node.commands.responses import CommandOutcome
from edge_node.messages.command import CommandError, Verb
from edge_node.messages.response import Result

if TYPE_CHECKING:
    from edge_node.commands.responses import ResponseWriter

# Returns the outcome, or None if the handler responds later; a CommandError is a refusal.
Handler = Callable[[AdmittedCommand[Any]], CommandOutcome | None]

_log = logging.getLogger(__name__)


class CommandExecutor:
    """Execute submitted commands: any thread may call ``submit``, the main thread calls ``look``."""

    interval_s = 0.0  # at every turn of the main loop

    def __init__(self, handlers: Mapping[Verb, Handler], responses: ResponseWriter) -> None:
        """Prepare.

        Args:
            handlers: by verb; a verb without one is answered ``unsupported``.
            responses: takes the outcomes.
        """
        self._handlers = handlers
        self._responses = responses
        self._queue: queue.SimpleQueue[AdmittedCommand[Any]] = queue.SimpleQueue()

    def submit(self, admitted: AdmittedCommand[Any]) -> None:
        """Queue a command for the next ``look``; returns at once."""
        self._queue.put(admitted)

    def look(self, _now_s: float) -> None:
        """Execute the commands that were submitted since the last call."""
        while True:
            try:
                admitted = self._queue.get_nowait()
            except queue.Empty:
                return
            outcome = self._execute(admitted)
            if outcome is not None:
                self._responses.respond(admitted, outcome)

    def _execute(self, admitted: AdmittedCommand[Any]) -> CommandOutcome | None:
        handle = self._handlers.get(admitted.verb)
        if handle is None:
            text = f"this node does not execute {admitted.verb.value}"
            return CommandOutcome(Result.REFUSED, "unsupported", text)
        try:
            return handle(admitted)
        except CommandError as err:
            return CommandOutcome(Result.REFUSED, err.code, str(err))
        except Exception as err:  # noqa: BLE001  whatever it is, inspection must go on
            _log.exception("command %s", admitted.verb.value)
            text = f"{type(err).__name__}; see the robot's log"
            return CommandOutcome(Result.FAILED, "internal", text)


def refuse_unsupported(text: str) -> Handler:
    """Return a handler for a verb that the configuration excludes; ``text`` names what would allow it."""

    def handle(_admitted: AdmittedCommand[Any]) -> CommandOutcome:
        return CommandOutcome(Result.REFUSED, "unsupported", text)

    return handle
