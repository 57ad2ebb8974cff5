"""Receive commands: admit or refuse each, record it in the audit, then hand it over for execution."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edge_node.commands.admission import AdmittedCommand, CommandAdmission, RefusedCommand
from edge_node.commands.responses import CommandOutcome
from edge_node.messages.command import Ping, Verb, arguments
from edge_node.messages.response import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_node.clock_floor import ClockFloor
    from edge_node.commands.audit_log import AuditLog
    from edge_node.commands.responses import ResponseWriter
    from edge_node.config.delivery_sections import CommandsConfig
    from edge_node.messages.command import Command
    from edge_node.messages.topics import Topics
    from edge_node.mqtt.types import Incoming
    from edge_node.spool.spool import Spool

_log = logging.getLogger(__name__)

_ONLY_AUDITED = frozenset({Verb.REVIEW})  # a full disk is no reason not to pause


class CommandReceiver:
    """Receive the commands for one robot, as an inbox of the publisher; never waits for the disk."""

    qos = 1

    def __init__(  # noqa: PLR0913  # each is a part, by name
        self,
        config: CommandsConfig,
        topics: Topics,
        *,
        spool: Spool,
        audit: AuditLog,
        responses: ResponseWriter,
        floor: ClockFloor,
        submit: Callable[[AdmittedCommand[Command]], None],
    ) -> None:
        """Prepare.

        Args:
            config: limits, and the key that must have signed.
            topics: of this robot.
            spool: keeps the ids of commands over a restart.
            audit: keeps what was asked and answered, on this robot.
            responses: takes the refusals, and the response to ``ping``, which is answered here.
            floor: of time; decides what is fresh and which ids may be forgotten.
            submit: has a command executed; called in the audit's thread once it is on the disk, and must
                return at once.

        Raises:
            ConfigError: the public key cannot be used.
        """
        self.filters: Sequence[str] = (topics.commands,)
        self._admission = CommandAdmission(config, topics, spool.taken_nonces, floor)
        self._floor = floor
        self._spool = spool
        self._audit = audit
        self._is_signed = config.public_key_file is not None
        self._responses = responses
        self._submit = submit

    def take(self, message: Incoming) -> None:
        """Admit or refuse a message on a command topic; never raises."""
        judged = self._admission.judge(message)
        if isinstance(judged, RefusedCommand):
            _log.warning("command %s refused: %s", judged.verb, judged.code)
            self._responses.refuse(judged)
        elif judged is not None:
            _log.info("command %s taken: %s", judged.verb.value, judged.command.id)
            self._spool.remember_nonce(
                judged.command.id,
                judged.command.expires_at.timestamp(),
                forget_before_s=self._floor.durable_s,
            )
            self._audit.record_then(
                lambda is_recorded: self._pass_on(judged, is_recorded=is_recorded),
                event="taken",
                verb=judged.verb.value,
                command_id=judged.command.id,
                signed=self._is_signed,
                asked=arguments(judged.command),
            )
            if isinstance(judged.command, Ping):
                self._responses.respond(judged, CommandOutcome(Result.DONE, "pong"))

    def _pass_on(self, admitted: AdmittedCommand[Command], *, is_recorded: bool) -> None:
        if not is_recorded and admitted.verb in _ONLY_AUDITED:
            text = "the audit cannot be written; nothing was changed"
            self._responses.respond(admitted, CommandOutcome(Result.FAILED, "disk", text))
        elif not isinstance(admitted.command, Ping):
            self._submit(admitted)
