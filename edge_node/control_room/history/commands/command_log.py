"""Keep what people commanded from the page, and tell what came of each command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Integer, bindparam, delete, insert, select, update

from edge_node.control_room.history.database import from_us, to_us
from edge_node.control_room.history.sql_filters import LIMIT, bound_limit
from edge_node.control_room.history.storage.tables import command, response, robot
from edge_node.messages.response import Response

if TYPE_CHECKING:
    from edge_node.control_room.history.database import Database

MAX_KEPT = 2000
_SILENT_S = 120.0  # an update whose sender, which speaks every 30 s, has ended with its process
_UNANSWERED = "the robot never answered"
_COLUMNS = ("command_id", "site", "robot", "verb", "detail", "asked_by", "asked_us")
_STATES = ("state", "code", "text", "progress", "changed_us")
_ALL = (*_COLUMNS, *_STATES)
_ADD = insert(command).values({name: bindparam(name) for name in _ALL})
_SET = (
    update(command)
    .where(command.c.command_id == bindparam("of_id"))
    .values({name: bindparam(f"new_{name}") for name in _STATES})
)
_oldest_kept = (
    select(command.c.command_key)
    .order_by(command.c.command_key.desc())
    .limit(1)
    .offset(bindparam("kept", type_=Integer))
    .scalar_subquery()
)
_DELETE_BEYOND = delete(command).where(command.c.command_key <= _oldest_kept)
_SHOWN = select(*(command.c[name] for name in _ALL)).order_by(command.c.command_key.desc()).limit(LIMIT)
_OF_ROBOT = _SHOWN.where(command.c.site == bindparam("of_site"), command.c.robot == bindparam("of_robot"))
_ANSWERS = (
    select(response.c.payload, response.c.received_us)
    .join(robot, robot.c.robot_key == response.c.robot_key)
    .where(
        response.c.command_id == bindparam("of_id"),
        robot.c.site == bindparam("of_site"),
        robot.c.robot == bindparam("of_robot"),
    )
    .order_by(response.c.response_key.desc())
)


class CommandState(str, Enum):
    """What is known of a command."""

    SENT = "sent"  # no answer yet
    ACCEPTED = "accepted"  # the robot has begun; a second answer follows
    DONE = "done"
    REFUSED = "refused"  # not carried out, by a rule of the robot or of this room
    FAILED = "failed"  # carried out without success
    EXPIRED = "expired"  # the robot never answered, and will not carry it out any more

    @property
    def is_open(self) -> bool:
        """Whether something may still come of it."""
        return self in (CommandState.SENT, CommandState.ACCEPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCommand:
    """One command of a person to one robot.

    Attributes:
        detail: of an update the bundle, of a picture its hash.
        asked_by: the person; "" where no login says it.
        text: the robot's own words, or why it was not sent.
        progress: share of a bundle that the robot has fetched; None of other commands.
        changed_at: when the state was last heard of.
    """

    command_id: str
    site: str
    robot: str
    verb: str
    detail: str = ""
    asked_by: str = ""
    asked_at: datetime
    state: CommandState = CommandState.SENT
    code: str = ""
    text: str = ""
    progress: float | None = None
    changed_at: datetime


class CommandLog:
    """The newest commands, in the history; used from any thread."""

    def __init__(self, database: Database, lifetime_s: float = 60.0) -> None:
        """Take the history, and the age at which robots refuse a command."""
        self._database = database
        self._lifetime_s = lifetime_s

    def add(self, sent: SentCommand, *, unless_open: frozenset[str] = frozenset()) -> SentCommand | None:
        """Keep a command; return the one that it must wait for instead, of the verbs ``unless_open``."""
        with self._database.transaction():
            if unless_open:
                for one in self.commands(sent.site, sent.robot, limit=20):
                    if one.verb in unless_open and one.state.is_open:
                        return one
            self._database.write(
                _ADD,
                {
                    **{name: getattr(sent, name) for name in _COLUMNS if name != "asked_us"},
                    "asked_us": to_us(sent.asked_at),
                    **_state_values(sent),
                },
            )
            self._database.write(_DELETE_BEYOND, {"kept": MAX_KEPT})
        return None

    def set_state(self, sent: SentCommand) -> None:
        """Keep what is known of a command now."""
        values = {f"new_{name}": value for name, value in _state_values(sent).items()}
        self._database.write(_SET, {"of_id": sent.command_id, **values})

    def commands(
        self, site: str | None = None, robot: str | None = None, limit: int = 50
    ) -> list[SentCommand]:
        """Return the newest commands, of one robot or of all, newest first."""
        if site is None or robot is None:
            rows = self._database.rows(_SHOWN, {"limit": bound_limit(limit)})
        else:
            named = {"of_site": site, "of_robot": robot}
            rows = self._database.rows(_OF_ROBOT, {**named, "limit": bound_limit(limit)})
        return [self._look(_read(row)) for row in rows]

    def _look(self, sent: SentCommand) -> SentCommand:
        """Return a command with an answer that came later than the sender waited, or as expired."""
        if not sent.state.is_open:
            return sent
        named = {"of_id": sent.command_id, "of_site": sent.site, "of_robot": sent.robot}
        for payload, received_us in self._database.rows(_ANSWERS, named)[:1]:
            answer = msgspec.json.decode(payload, type=Response)
            return replace(
                sent,
                state=CommandState(answer.result.value),
                code=answer.code,
                text=answer.text,
                changed_at=from_us(received_us),  # the robot's own clock may be wrong
            )
        silent = datetime.now(timezone.utc) - sent.changed_at
        is_update = sent.progress is not None
        if silent > timedelta(seconds=_SILENT_S if is_update else self._lifetime_s):
            said = "the robot began and told no end" if sent.state is CommandState.ACCEPTED else _UNANSWERED
            said = "it was not heard of any more" if is_update else said
            return replace(sent, state=CommandState.EXPIRED, text=f"{said}; nothing comes of it now")
        return sent


def _state_values(sent: SentCommand) -> dict[str, Any]:
    return {
        "state": sent.state.value,
        "code": sent.code,
        "text": sent.text,
        "progress": sent.progress,
        "changed_us": to_us(sent.changed_at),
    }


def _read(row: tuple[Any, ...]) -> SentCommand:
    found = dict(zip(_ALL, row, strict=True))
    asked_us, changed_us, state = found.pop("asked_us"), found.pop("changed_us"), found.pop("state")
    return SentCommand(
        **found, asked_at=from_us(asked_us), changed_at=from_us(changed_us), state=CommandState(state)
    )
