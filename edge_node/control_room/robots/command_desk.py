"""Send the commands of people who look at the page, and keep what came of each."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_node.control_room.history.commands.command_log import CommandLog, CommandState, SentCommand
from edge_node.control_room.robots.commander import LIFETIME_S, Commander, Ending, Reply
from edge_node.control_room.robots.review_service import RequestRefusedError
from edge_node.errors import ConfigError, CorrosionError
from edge_node.messages.command import Verb
from edge_node.messages.status import Presence
from edge_node.messages.topics import Topics
from edge_node.signing import load_signer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edge_node.control_room.history.history import History
    from edge_node.control_room.history.records import RobotRecord
    from edge_node.control_room.sections import RoomCommandsConfig
    from edge_node.mqtt.types import Endpoint

# Of these a robot gets one at a time: two people would undo each other's without knowing it.
_ONE_AT_A_TIME = frozenset({Verb.PAUSE.value, Verb.RESUME.value, Verb.RELOAD.value, Verb.UPDATE.value})
_STATES = {
    Ending.DONE: CommandState.DONE,
    Ending.ACCEPTED: CommandState.ACCEPTED,
    Ending.REFUSED: CommandState.REFUSED,
    Ending.FAILED: CommandState.FAILED,
    Ending.TIMEOUT: CommandState.SENT,  # it may still be carried out
    Ending.UNHEARD: CommandState.REFUSED,
}


class CommandDesk:
    """Send commands from any thread, each of which waits for its robot."""

    def __init__(
        self,
        config: RoomCommandsConfig,
        endpoint: Endpoint,
        history: History,
        on_changed: Callable[[str, str], None],
    ) -> None:
        """Load the key; opens no connection.

        Args:
            config: section ``[commands]``.
            endpoint: broker and credentials.
            history: where commands are kept.
            on_changed: called with site and robot when a command is sent, and when something is heard of it.

        Raises:
            ConfigError: the key cannot be used.
        """
        try:
            self.sign = load_signer(Path(config.key_file)) if config.key_file else None
        except CorrosionError as err:
            raise ConfigError(f"[commands] key_file: {err}") from err
        self.endpoint = endpoint
        self.log = CommandLog(history.database, LIFETIME_S)
        self._commander = Commander(endpoint, self.sign)
        self._history = history
        self._on_changed = on_changed

    def send(
        self, site: str, robot: str, verb: Verb, values: Mapping[str, Any], *, by: str
    ) -> tuple[SentCommand, str]:
        """Command a robot; return what is known of it after the answer, and that as a sentence.

        Raises:
            RequestRefusedError: it was not sent, with the reason, or the robot did not do it.
        """
        sent = self.begin(site, robot, verb, _describe(values), by=by)
        try:
            reply = self._commander.send(Topics(site, robot), verb, values, command_id=sent.command_id)
        except CorrosionError as err:
            self.note(sent, CommandState.REFUSED, "not_sent", str(err))
            raise RequestRefusedError(str(err)) from err
        sent = self.note(sent, _STATES[reply.ending], reply.code, _say(reply))
        if not reply.succeeded:
            raise RequestRefusedError(reply.sentence)
        return sent, reply.sentence

    def begin(self, site: str, robot: str, verb: Verb, detail: str, *, by: str) -> SentCommand:
        """Keep a command that is about to be sent.

        Raises:
            RequestRefusedError: the robot is not known or offline, or another command must end first.
        """
        now = datetime.now(timezone.utc)
        sent = SentCommand(
            command_id=uuid.uuid4().hex,
            site=site,
            robot=robot,
            verb=verb.value,
            detail=detail,
            asked_by=by,
            asked_at=now,
            changed_at=now,
            progress=0.0 if verb is Verb.UPDATE else None,
        )
        record = next((one for one in self._history.robots() if (one.site, one.robot) == (site, robot)), None)
        if record is None:
            raise RequestRefusedError(f"no such robot: {site}/{robot}")
        if problem := _say_offline(record):
            self.log.add(replace(sent, state=CommandState.REFUSED, code="offline", text=problem))
            self._on_changed(sent.site, sent.robot)
            raise RequestRefusedError(problem)
        alone = _ONE_AT_A_TIME if verb.value in _ONE_AT_A_TIME else frozenset()
        if (other := self.log.add(sent, unless_open=alone)) is not None:
            age_s = max(0, round((now - other.asked_at).total_seconds()))
            who = other.asked_by or "somebody"
            raise RequestRefusedError(
                f"{who} sent {other.verb} to {site}/{robot} {age_s} s ago, and it has not ended; wait for it"
            )
        self._on_changed(sent.site, sent.robot)
        return sent

    def note(
        self, sent: SentCommand, state: CommandState, code: str, text: str, progress: float | None = None
    ) -> SentCommand:
        """Keep what is known of a command now, and tell the pages."""
        sent = replace(
            sent,
            state=state,
            code=code,
            text=text,
            progress=sent.progress if progress is None else progress,
            changed_at=datetime.now(timezone.utc),
        )
        self.log.set_state(sent)
        self._on_changed(sent.site, sent.robot)
        return sent


def _describe(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if value is not None)[:200]


def _say(reply: Reply) -> str:
    """Return the robot's words, and what it tells beside them."""
    data = ", ".join(f"{key} {value}" for key, value in reply.data.items())
    return ": ".join(part for part in (reply.text, data) if part)


def _say_offline(record: RobotRecord) -> str:
    """Say that a robot is offline; "" if it may be there."""
    status = record.status
    if status is None or status.presence is Presence.ONLINE:
        return ""
    why = f" ({status.offline_reason.value.replace('_', ' ')})" if status.offline_reason else ""
    return f"{record.site}/{record.robot} is offline{why}: nothing was sent; try again when it is online"
