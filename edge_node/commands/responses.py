"""Responses on their way into the spool: what became of commands, and of what went on after them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.messages.response import Response, Result, Scalar
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import encode

if TYPE_CHECKING:
    from edge_node.commands.audit_log import Audit
    from edge_node.messages.topics import Topics
    from edge_node.spool.spool import Spool


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """What is said of a command; ``code`` stays the same, for machines."""

    result: Result
    code: str = "ok"
    text: str = ""
    data: dict[str, Scalar] = field(default_factory=dict)


class ResponseWriter:
    """Words responses of one robot, for its audit and the spool, where they wait for the link."""

    def __init__(self, topics: Topics, spool: Spool, audit: Audit) -> None:
        self._audit = audit
        self._topics = topics
        self._spool = spool

    def append(
        self,
        verb: str,
        command_id: str | None,
        answer: CommandOutcome,
        *,
        correlation: bytes = b"",
        taken: bool = True,
    ) -> None:
        """Append a response.

        Args:
            verb: that was asked for, or is answered to.
            command_id: None where none could be read, or no command was given.
            answer: what became of it.
            correlation: of the command.
            taken: it was a command that this robot takes.
        """

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
                    result=answer.result,
                    code=answer.code,
                    text=answer.text,
                    data=answer.data,
                )
            )

        self._audit.record(
            event="answered" if taken else "refused",
            # What is refused was not checked: it must not push reviews out of their file.
            verb=verb if taken else f"{verb} (refused)",
            command_id=command_id,
            result=answer.result.value,
            code=answer.code,
            text=answer.text,
            data=answer.data,
        )
        self._spool.append(Kind.RESPONSE, response, correlation=correlation)
