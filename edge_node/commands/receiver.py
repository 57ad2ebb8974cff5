"""Commands in, responses out: every command is written into the audit, carried out, and answered."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edge_node.commands.admission import AdmittedCommand, CommandAdmission, RefusedCommand
from edge_node.commands.responses import CommandOutcome, ResponseWriter
from edge_node.messages.command import Ping, Verb, arguments
from edge_node.messages.response import Result, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_node.commands.audit_log import Audit
    from edge_node.config.delivery_sections import CommandsConfig
    from edge_node.messages.topics import Topics
    from edge_node.mqtt.types import Incoming
    from edge_node.spool.spool import Spool

_log = logging.getLogger(__name__)


class CommandReceiver:
    """Takes commands for one robot: an ``Inbox`` of the publisher."""

    qos = 1

    def __init__(
        self,
        config: CommandsConfig,
        topics: Topics,
        spool: Spool,
        audit: Audit,
        on_command: Callable[[AdmittedCommand], None],
    ) -> None:
        """Prepare.

        Args:
            config: limits, and whose signature is wanted.
            topics: of this robot.
            spool: keeps responses, and ids of commands over a restart.
            audit: keeps what was asked and answered, on this robot.
            on_command: called in the publisher's thread with commands that are to be carried out; it must
                return at once, and see to it that ``respond`` is called. ``ping`` is answered here.

        Raises:
            ConfigError: the public key cannot be used.
        """
        self.filters: Sequence[str] = (topics.commands,)
        self._gate = CommandAdmission(config, topics, spool.taken_nonces)
        self._spool = spool
        self._audit = audit
        self._signed = config.public_key_file is not None
        self._answers = ResponseWriter(topics, spool, audit)
        self._on_command = on_command

    def take(self, message: Incoming) -> None:
        """Deal with a message on a command topic; never raises."""
        judged = self._gate.judge(message)
        if isinstance(judged, RefusedCommand):
            _log.warning("command %s refused: %s", judged.verb, judged.code)
            self._respond(judged, Result.REFUSED, judged.code, judged.text, {})
        elif isinstance(judged, AdmittedCommand):
            _log.info("command %s taken: %s", judged.verb.value, judged.command.id)
            self._spool.remember_nonce(judged.command.id, judged.command.expires_at.timestamp())
            if not self._recorded(judged) and judged.verb is Verb.REVIEW:
                self.respond(
                    judged, Result.FAILED, "disk", "the audit cannot be written; nothing was changed"
                )
            else:  # a full disk is no reason not to pause
                self._carry_out(judged)

    def respond(
        self,
        taken: AdmittedCommand,
        result: Result,
        code: str = "ok",
        text: str = "",
        data: dict[str, Scalar] | None = None,
    ) -> None:
        """Answer a command; the answer waits in the spool for the link."""
        self._respond(taken, result, code, text, data or {})

    def _recorded(self, taken: AdmittedCommand) -> bool:
        """Write a command into the audit before it is carried out; False if the disk does not take it."""
        return self._audit.record(
            event="taken",
            verb=taken.verb.value,
            command_id=taken.command.id,
            signed=self._signed,
            asked=arguments(taken.command),
        )

    def _carry_out(self, taken: AdmittedCommand) -> None:
        if isinstance(taken.command, Ping):
            self.respond(taken, Result.DONE, "pong")
            return
        try:
            self._on_command(taken)
        except Exception as err:  # noqa: BLE001  whatever it is, the link must go on
            _log.exception("command %s", taken.verb.value)
            self.respond(taken, Result.FAILED, "internal", f"{type(err).__name__}; see the robot's log")

    def _respond(
        self,
        asked: AdmittedCommand | RefusedCommand,
        result: Result,
        code: str,
        text: str,
        data: dict[str, Scalar],
    ) -> None:
        self._answers.append(
            asked.verb.value if isinstance(asked.verb, Verb) else asked.verb,
            asked.command.id if isinstance(asked, AdmittedCommand) else asked.command_id,
            CommandOutcome(result, code, text, data),
            correlation=asked.correlation,
            taken=isinstance(asked, AdmittedCommand),
        )
