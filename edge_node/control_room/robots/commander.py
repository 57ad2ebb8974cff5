"""Send a command to a robot, wait for its response and report the result in one sentence.

Each command opens its own short MQTT connection, so that no unsent message is left that could go out twice.
"""

from __future__ import annotations

import secrets
import time
import uuid
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from edge_node.errors import CorrosionError
from edge_node.messages.command import COMMANDS, Command, CommandError, Verb, decode_command
from edge_node.messages.response import Response, Result, Scalar
from edge_node.mqtt.reason_codes import NO_SUBSCRIBERS, name
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import LinkError, Outgoing
from edge_node.signing import signed_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edge_node.messages.topics import Topics
    from edge_node.mqtt.types import Endpoint, Incoming

LIFETIME_S = 60.0  # robots' clocks may differ by half of it; [commands] max_lifetime_s is 600 by default
TIMEOUT_S = 10.0
_POLL_S = 0.2
# The robot responds twice: accepted at the start, done or failed at the end.
_ENDS_LATER = {Verb.RELOAD}


class Ending(str, Enum):
    """The result of a command as far as the sender knows."""

    DONE = "done"
    ACCEPTED = "accepted"  # started; a second response follows
    REFUSED = "refused"  # not executed, by a rule
    FAILED = "failed"  # executed without success
    TIMEOUT = "timeout"  # no response: it may have been executed, or may yet be
    UNHEARD = "unheard"  # the broker reports no subscriber, or denies the publication


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a command; ``took_ms`` is the time from sending to the response."""

    site: str
    robot: str
    verb: str
    command_id: str
    ending: Ending
    code: str
    text: str
    data: dict[str, Scalar] = {}
    took_ms: float

    @property
    def succeeded(self) -> bool:
        """Whether the robot has executed the command or has started to."""
        return self.ending in (Ending.DONE, Ending.ACCEPTED)

    @property
    def sentence(self) -> str:
        """The result as one sentence for people."""
        who, why = f"{self.site}/{self.robot}", f": {self.text}" if self.text else ""
        data = ", ".join(f"{key} {value}" for key, value in self.data.items())
        if self.ending is Ending.DONE:
            return f"{who}: {self.verb} done{why}" + (f" ({data})" if data else "")
        if self.ending is Ending.ACCEPTED:
            return f"{who}: {self.verb} begun{why}"
        if self.ending is Ending.REFUSED:
            return f"{who} refuses {self.verb} ({self.code}){why}"
        if self.ending is Ending.FAILED:
            return f"{who}: {self.verb} failed ({self.code}){why}"
        return f"{who}: {self.verb}{why}"


class Commander:
    """Send commands through one broker; may be used by several threads."""

    def __init__(
        self,
        endpoint: Endpoint,
        sign: Callable[[bytes], str] | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        lifetime_s: float = LIFETIME_S,
    ) -> None:
        """Check the settings; opens no connection.

        Args:
            endpoint: the broker; each connection's client id is its client id with a random suffix.
            sign: signs bytes, base64 (``load_signer``); None sends unsigned.
            timeout_s: how long to wait for a response.
            lifetime_s: age at which a robot refuses the command.

        Raises:
            CorrosionError: a signature cannot be sent with MQTT 3.1.1.
        """
        if sign is not None and not endpoint.is_v5:
            raise CorrosionError("signed commands need MQTT v5: the signature is a user property")
        self._endpoint = endpoint
        self._sign = sign
        self._timeout_s = timeout_s
        self._lifetime_s = lifetime_s

    def send(
        self,
        topics: Topics,
        verb: Verb,
        values: Mapping[str, Any] | None = None,
        *,
        command_id: str | None = None,
    ) -> Reply:
        """Send a command and wait for its result.

        Args:
            topics: of the robot.
            verb: of the command.
            values: fields of the command, as in JSON.
            command_id: random and unique; generated if None.

        Raises:
            CorrosionError: the command is invalid, or the broker cannot be reached; nothing was sent.
        """
        command_id = command_id or uuid.uuid4().hex
        payload = build_command(verb, values or {}, lifetime_s=self._lifetime_s, command_id=command_id)
        pending = _PendingCommand(topics, verb, command_id, secrets.token_bytes(16))
        message = command_message(topics, verb, payload, self._sign, correlation=pending.correlation)
        client_id = f"{self._endpoint.client_id[:48]}-{secrets.token_hex(4)}"
        session = Session(
            replace(self._endpoint, client_id=client_id),
            on_message=pending.note_response,
            on_acknowledged=pending.note_acknowledgement,
        )
        try:
            session.open()
            session.subscribe((topics.response,))
            pending.note_sent(session.publish(message))
            return pending.wait(session, self._timeout_s, self._lifetime_s)
        finally:
            session.close(0.2)


def build_command(verb: Verb, values: Mapping[str, Any], *, lifetime_s: float, command_id: str) -> bytes:
    """Encode a command issued now, and validate it with the robot's own decoder.

    Raises:
        CorrosionError: the robot would refuse it; one sentence with the field, found and wanted.
    """
    now = datetime.now(timezone.utc)
    document = {
        "schema": "corrosion/v1",
        "id": command_id,
        "issued_at": now.isoformat(),
        "expires_at": (now + timedelta(seconds=lifetime_s)).isoformat(),
    }
    if own := document.keys() & values.keys():
        raise CorrosionError(f"{verb.value}: {min(own)} is set by the control room; leave it out")
    document |= {key: value for key, value in values.items() if value is not None}
    try:
        payload = msgspec.json.encode(document)
        decode_command(verb.value, payload)
    except (CommandError, UnicodeEncodeError) as err:
        raise CorrosionError(f"{verb.value}: {_explain(verb, values, str(err))}") from None
    return payload


def command_message(
    topics: Topics,
    verb: Verb,
    payload: bytes,
    sign: Callable[[bytes], str] | None,
    *,
    correlation: bytes = b"",
) -> Outgoing:
    """Build the MQTT message of a command; a signature over topic and payload goes into a user property."""
    topic = f"{topics.base}/cmd/{verb.value}"
    user = (("signature", sign(signed_bytes(topic, payload))),) if sign else ()
    return Outgoing(topic, payload, user=user, correlation=correlation, response_topic=topics.response)


class _PendingCommand:
    """One command between sending and response; belongs to the thread that sends it."""

    def __init__(self, topics: Topics, verb: Verb, command_id: str, correlation: bytes) -> None:
        self.correlation = correlation
        self._topics = topics
        self._verb = verb
        self._command_id = command_id
        self._number: int | None = None
        self._began_s = time.monotonic()
        self._response: Response | None = None
        self._unheard: str | None = None

    def note_sent(self, number: int) -> None:
        """Store the message's packet number on this connection."""
        self._number = number

    def note_acknowledgement(self, number: int, code: int) -> None:
        """Store the reason why the broker delivers the command to nobody, if its reason code gives one."""
        if number != self._number:
            return
        if code == NO_SUBSCRIBERS:
            self._unheard = (
                "nobody listens: the robot is not connected to this broker, or takes no commands"
                " ([commands] accept)"
            )
        elif code >= 0x80:
            self._unheard = f"the broker does not pass it on: {name(code)}"

    def note_response(self, message: Incoming) -> None:
        """Store a response if it belongs to this command."""
        try:
            response = msgspec.json.decode(message.payload, type=Response)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        # A robot on MQTT 3.1.1 has no correlation data; one that could not read the command has no id.
        if message.correlation == self.correlation or response.command_id == self._command_id:
            self._response = response

    def wait(self, session: Session, timeout_s: float, lifetime_s: float) -> Reply:
        """Poll the connection until the command has a result or the time is over."""
        until_s = time.monotonic() + timeout_s
        try:
            while not self._ended and time.monotonic() < until_s:
                session.poll(min(_POLL_S, max(0.0, until_s - time.monotonic())))
        except LinkError as err:
            if self._response is None:
                return self._reply(Ending.TIMEOUT, "link", f"{err}; whether it is carried out is not known")
        if self._response is not None:
            response = self._response
            return self._reply(Ending(response.result.value), response.code, response.text, response.data)
        if self._unheard is not None:
            return self._reply(Ending.UNHEARD, "unheard", self._unheard)
        text = (
            f"no answer within {timeout_s:g} s; it may still be carried out until it is {lifetime_s:g} s old"
        )
        return self._reply(Ending.TIMEOUT, "timeout", text)

    @property
    def _ended(self) -> bool:
        if self._response is None:
            return self._unheard is not None
        return self._response.result is not Result.ACCEPTED or self._verb not in _ENDS_LATER

    def _reply(self, ending: Ending, code: str, text: str, data: dict[str, Scalar] | None = None) -> Reply:
        return Reply(
            site=self._topics.site,
            robot=self._topics.robot,
            verb=self._verb.value,
            command_id=self._command_id,
            ending=ending,
            code=code,
            text=text,
            data=data or {},
            took_ms=round(1000 * (time.monotonic() - self._began_s), 1),
        )


def _explain(verb: Verb, values: Mapping[str, Any], problem: str) -> str:
    """Say what the field is for, where the decoder's sentence names a field."""
    field = problem.partition(" = ")[0]
    wanted = describe_fields(COMMANDS[verb]).get(field)
    if wanted is None or field not in values:
        return problem
    return f"{field} {values[field]!r}: wanted {wanted}"


def describe_fields(kind: type[Command]) -> dict[str, str]:
    """Describe the allowed values of each field of a command, from its JSON Schema."""
    schema = msgspec.json.schema(kind)["$defs"]
    properties = schema[kind.__name__]["properties"]
    return {field: _in_words(properties[field], schema) for field in properties}


def _in_words(about: dict[str, Any], schema: dict[str, Any]) -> str:
    about = (
        {**about, **schema.get(about.get("$ref", "").rpartition("/")[2], {})} if "$ref" in about else about
    )
    if "enum" in about:
        return " or ".join(sorted(str(value) for value in about["enum"]))
    for choice in about.get("anyOf", ()):
        if choice.get("type") != "null":
            return about.get("description") or _in_words(choice, schema)
    return " ".join(str(about.get("description", about.get("type", ""))).split())
