"""Commands in, responses out: every command is written into the audit, carried out, and answered."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.command_gate import CommandGate, Refused, Taken
from edge_node.commands import Ping, Verb, arguments
from edge_node.messages import Response, Result, Scalar
from edge_node.spool_types import Kind
from edge_node.verdict import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.audit import Audit
    from edge_node.config import CommandsConfig
    from edge_node.mqtt_session import Incoming
    from edge_node.spool import Spool
    from edge_node.topics import Topics

_LOG = logging.getLogger(__name__)


class CommandDesk:
    """Takes commands for one robot."""

    def __init__(
        self,
        config: CommandsConfig,
        topics: Topics,
        spool: Spool,
        audit: Audit,
        on_command: Callable[[Taken], None],
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
        self._gate = CommandGate(config, topics, spool.taken_nonces)
        self._topics = topics
        self._spool = spool
        self._audit = audit
        self._signed = config.public_key_file is not None
        self._on_command = on_command

    def handle(self, message: Incoming) -> None:
        """Deal with a message on a command topic; never raises."""
        judged = self._gate.judge(message)
        if isinstance(judged, Refused):
            _LOG.warning("command %s refused: %s", judged.verb, judged.code)
            self._respond(judged, Result.REFUSED, judged.code, judged.text, {})
        elif isinstance(judged, Taken):
            _LOG.info("command %s taken: %s", judged.verb.value, judged.command.id)
            self._spool.remember_nonce(judged.command.id, judged.command.expires_at.timestamp())
            if not self._recorded(judged) and judged.verb is Verb.REVIEW:
                self.respond(
                    judged, Result.FAILED, "disk", "the audit cannot be written; nothing was changed"
                )
            else:  # a full disk is no reason not to pause
                self._carry_out(judged)

    def respond(
        self,
        taken: Taken,
        result: Result,
        code: str = "ok",
        text: str = "",
        data: dict[str, Scalar] | None = None,
    ) -> None:
        """Answer a command; the answer waits in the spool for the link."""
        self._respond(taken, result, code, text, data or {})

    def _recorded(self, taken: Taken) -> bool:
        """Write a command into the audit before it is carried out; False if the disk does not take it."""
        return self._audit.record(
            event="taken",
            verb=taken.verb.value,
            command_id=taken.command.id,
            signed=self._signed,
            asked=arguments(taken.command),
        )

    def _carry_out(self, taken: Taken) -> None:
        if isinstance(taken.command, Ping):
            self.respond(taken, Result.DONE, "pong")
            return
        try:
            self._on_command(taken)
        except Exception as err:  # noqa: BLE001  whatever it is, the link must go on
            _LOG.exception("command %s", taken.verb.value)
            self.respond(taken, Result.FAILED, "internal", f"{type(err).__name__}; see the robot's log")

    def _respond(
        self, asked: Taken | Refused, result: Result, code: str, text: str, data: dict[str, Scalar]
    ) -> None:
        verb = asked.verb.value if isinstance(asked.verb, Verb) else asked.verb
        command_id = asked.command.id if isinstance(asked, Taken) else asked.command_id

        def response(seq: int) -> bytes:
            return encode(
                Response(
                    id=f"{self._topics.robot}:{self._spool.epoch}:{Kind.RESPONSE.value}:{seq}",
                    seq=seq,
                    site=self._topics.site,
                    robot=self._topics.robot,
                    at=datetime.now(timezone.utc),
                    verb=verb,
                    command_id=command_id,
                    result=result,
                    code=code,
                    text=text,
                    data=data,
                )
            )

        self._audit.record(
            event="answered" if isinstance(asked, Taken) else "refused",
            # What is refused was not checked: it must not push reviews out of their file.
            verb=verb if isinstance(asked, Taken) else f"{verb} (refused)",
            command_id=command_id,
            result=result.value,
            code=code,
            text=text,
            data=data,
        )
        self._spool.append(Kind.RESPONSE, response, correlation=asked.correlation)
