"""Build command responses and append them to the spool and the audit log."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from msgspec import field

from edge_node.messages.command import Verb
from edge_node.messages.response import SIGNATURE, SIGNED_COMMAND, Response, Result, Scalar
from edge_node.messages.topics import Kind
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from edge_node.commands.admission import AdmittedCommand, RefusedCommand
    from edge_node.commands.audit_log import AuditLog
    from edge_node.messages.topics import Topics
    from edge_node.spool.spool import Spool


class CommandOutcome(PlainStruct, frozen=True):
    """The result of a command; ``code`` stays the same over versions, for machines."""

    result: Result
    code: str = "ok"
    text: str = ""
    data: dict[str, Scalar] = field(default_factory=dict)


class ResponseWriter:
    """Write the responses of one robot; any thread may call it, and none waits for the disk."""

    def __init__(self, topics: Topics, spool: Spool, audit: AuditLog) -> None:
        self._audit = audit
        self._topics = topics
        self._spool = spool

    def respond(self, admitted: AdmittedCommand[Any], outcome: CommandOutcome) -> None:
        """Append the response to a command that was admitted.

        A signed review goes on with its signature, for readers who trust the person's key and not the robot.
        """
        verb, command_id = admitted.verb.value, admitted.command.id
        self._record("answered", verb, command_id, outcome)
        if admitted.signed is not None and admitted.verb is Verb.REVIEW and outcome.result is Result.DONE:
            signed = dict(zip((SIGNED_COMMAND, SIGNATURE), admitted.signed, strict=True))
            outcome = CommandOutcome(outcome.result, outcome.code, outcome.text, {**outcome.data, **signed})
        self._spool_response(verb, command_id, outcome, admitted.correlation)

    def refuse(self, refused: RefusedCommand) -> None:
        """Append the response to a command that was refused unexecuted."""
        outcome = CommandOutcome(Result.REFUSED, refused.code, refused.text)
        # What is refused was not checked: it must not push reviews out of their file of the audit.
        self._record("refused", f"{refused.verb} (refused)", refused.command_id, outcome)
        self._spool_response(refused.verb, refused.command_id, outcome, refused.correlation)

    def append(
        self, verb: str, command_id: str | None, outcome: CommandOutcome, *, correlation: bytes = b""
    ) -> None:
        """Append a response, or an event that follows a command later.

        Args:
            verb: of the command.
            command_id: None where no command was given.
            outcome: of the command.
            correlation: of the command.
        """
        self._record("answered", verb, command_id, outcome)
        self._spool_response(verb, command_id, outcome, correlation)

    def _record(self, event: str, verb: str, command_id: str | None, outcome: CommandOutcome) -> None:
        self._audit.record(
            event=event,
            verb=verb,
            command_id=command_id,
            result=outcome.result.value,
            code=outcome.code,
            text=outcome.text,
            data=outcome.data,
        )

    def _spool_response(
        self, verb: str, command_id: str | None, outcome: CommandOutcome, correlation: bytes
    ) -> None:
        def make(seq: int) -> Response:
            return Response(
                id=f"{self._topics.robot}:{self._spool.epoch}:{Kind.RESPONSE.value}:{seq}",
                seq=seq,
                site=self._topics.site,
                robot=self._topics.robot,
                at=datetime.now(timezone.utc),
                verb=verb,
                command_id=command_id,
                result=outcome.result,
                code=outcome.code,
                text=outcome.text,
                data=outcome.data,
            )

        self._spool.append(Kind.RESPONSE, make, correlation=correlation)
