"""Admit commands that are fresh, unrepeated, within the rate and signed if so configured; refuse others.

Fresh is what neither the wall clock nor the floor of time calls expired. A clock below the floor cannot tell
that a command is from the future: such a command is admitted, and the time of a signed one raises the floor.
A clock above the floor that is not synchronized may be late, or the sender's may be ahead: two commands of
one running clock are believed. So a robot that never sees a time server can be commanded, and no signed
command is executed twice.
"""

from __future__ import annotations

import base64
import binascii
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

from edge_node.commands.rate_limits import RateLimits
from edge_node.messages.command import MAX_COMMAND_BYTES, Command, CommandError, Verb, decode_command
from edge_node.messages.plain_text import counted
from edge_node.plain_struct import PlainStruct
from edge_node.signing import load_trusted_key, signed_bytes
from edge_node.spool.rows import MAX_NONCES

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from edge_node.clock_floor import ClockFloor, ClockReading
    from edge_node.config.delivery_sections import CommandsConfig
    from edge_node.messages.topics import Topics
    from edge_node.mqtt.types import Incoming

_SKEW = timedelta(seconds=30)  # of the sender's clock against ours
_UNREAD_REPORT_S = 10.0  # refusals for rate are reported so often at most: a flood must not fill the spool
_SIGNATURE = "signature"
_SIGNATURE_LENGTH = 88  # of 64 bytes in base64


_C = TypeVar("_C", bound="Command")


class AdmittedCommand(PlainStruct, Generic[_C], frozen=True):
    """A command to execute.

    Attributes:
        correlation: the MQTT correlation data for its response.
        signed: the message's text and its signature in base64, if that was checked.
    """

    verb: Verb
    command: _C
    correlation: bytes
    signed: tuple[str, str] | None = None


class RefusedCommand(PlainStruct, frozen=True):
    """A command that is not executed, and why; for the response."""

    verb: str
    command_id: str | None
    code: str
    text: str
    correlation: bytes


class CommandAdmission:
    """Admit or refuse received commands; used by one thread."""

    def __init__(
        self,
        config: CommandsConfig,
        topics: Topics,
        taken: dict[str, float],
        floor: ClockFloor,
    ) -> None:
        """Prepare.

        Args:
            config: limits, and the key that must have signed.
            topics: of this robot.
            taken: ids of commands admitted before, with when they expire in Unix time.
            floor: this robot's wall clock and the floor of time.

        Raises:
            ConfigError: the public key cannot be used.
        """
        self._config = config
        self._topics = topics
        self._floor = floor
        self._taken = dict(taken)
        # Id, time and monotonic time of the last command that was ahead of our clock.
        self._sender_clock: tuple[str, datetime, float] | None = None
        self._verify: Callable[[bytes, bytes], bool] | None = None
        if config.public_key_file:
            self._verify = load_trusted_key(config.public_key_file, "[commands] public_key_file").holds
        self._limits = RateLimits(config)
        self._unread = 0
        self._unread_reported_s = float("-inf")

    def judge(self, message: Incoming) -> AdmittedCommand[Command] | RefusedCommand | None:
        """Return the command, why it is refused, or None if it gets no response: another robot's, a flood."""
        verb = self._topics.verb(message.topic)
        if verb is None:
            return None
        began_s = time.monotonic()
        if not self._limits.may_work(began_s):
            return self._flooded(message)
        began_work_s = time.thread_time()
        judged = self._judge(verb, message, began_s)
        if not isinstance(judged, AdmittedCommand):
            self._limits.worked(time.thread_time() - began_work_s)
        return judged

    def _judge(
        self, verb: str, message: Incoming, now_s: float
    ) -> AdmittedCommand[Command] | RefusedCommand | None:
        """Judge a message; only what is admitted draws on the budget of commands.

        The signature comes before anything else, so that the budget of those who can sign is theirs alone.
        """
        command: Command | None = None
        signed: tuple[str, str] | None = None
        try:
            _check_fresh(message)
            signed = self._check_signature(message)
            command = decode_command(verb, message.payload)
            self._check_time(command)
            budget = self._limits.admitted(verb)
            if not budget.take(now_s):
                return self._flooded(message)
            try:
                self._check_nonce(command)
            except CommandError:
                budget.give_back()  # else whoever repeats a command that he heard could use it up
                raise
            if self._verify is not None:
                self._floor.note_signed(command.issued_at - _SKEW)
        except CommandError as err:
            if not self._limits.refused(is_signed=signed is not None).take(now_s):
                return self._flooded(message)
            name = verb if verb in {known.value for known in Verb} else "unknown"
            return RefusedCommand(
                name, command.id if command else None, err.code, str(err), message.correlation
            )
        return AdmittedCommand(Verb(verb), command, message.correlation, signed)

    def _check_signature(self, message: Incoming) -> tuple[str, str] | None:
        """Return what was signed and its signature; None where none is asked for."""
        if self._verify is None:
            return None
        found = [value for name, value in message.user if name == _SIGNATURE]
        if len(found) != 1:
            raise CommandError("unsigned", 'wanted one MQTT v5 user property "signature"')
        if len(found[0]) != _SIGNATURE_LENGTH or len(message.payload) > MAX_COMMAND_BYTES:
            raise CommandError("signature", "wanted an Ed25519 signature in base64, of a command's size")
        try:
            signature = base64.b64decode(found[0], validate=True)
        except (binascii.Error, ValueError):
            raise CommandError("signature", "the signature is not base64") from None
        if not self._verify(signature, signed_bytes(message.topic, message.payload)):
            raise CommandError("signature", "the signature is not of the configured key, or of other bytes")
        return message.payload.decode("utf-8", "replace"), found[0]

    def _check_time(self, command: Command) -> None:
        clock, lifetime = self._floor.read(), timedelta(seconds=self._config.max_lifetime_s)
        if command.expires_at <= clock.now:
            by_floor = clock.below_s or clock.is_ahead
            ours = f"the floor of time is {clock.now}" if by_floor else f"our clock says {clock.now}"
            unsure = "" if clock.is_trusted else f" ({clock.text}; `edge-node clock` shows and corrects it)"
            raise CommandError("expired", f"expired at {command.expires_at}, {ours}{unsure}")
        if command.expires_at - command.issued_at > lifetime:
            raise CommandError("lifetime", f"lives for more than {self._config.max_lifetime_s} s")
        if command.issued_at > clock.now + _SKEW and not (clock.below_s or clock.is_ahead):
            self._check_sender_clock(command, clock)

    def _check_sender_clock(self, command: Command, clock: ClockReading) -> None:
        """Refuse a command from the future, unless our clock is in doubt and one before was as far ahead."""
        text = f"issued at {command.issued_at}, our clock says {clock.now}"
        if clock.is_trusted:
            raise CommandError("clock", text)
        now_s = time.monotonic()
        known, self._sender_clock = self._sender_clock, (command.id, command.issued_at, now_s)
        if known is not None and known[0] != command.id:
            passed_s = (command.issued_at - known[1]).total_seconds()
            if abs(passed_s - (now_s - known[2])) <= _SKEW.total_seconds():
                return
        raise CommandError(
            "clock",
            f"{text} ({clock.text}); give it again: a second command of the same clock tells us the time",
        )

    def _check_nonce(self, command: Command) -> None:
        """Refuse an id that was taken, and remember this one until the floor on disk has passed its expiry.

        A wall clock that goes back would make commands fresh again whose ids it had let us forget.
        """
        if command.id in self._taken:
            raise CommandError("repeated", "a command with this id was taken before")
        if len(self._taken) >= MAX_NONCES:
            self._forget_nonces()
        self._taken[command.id] = command.expires_at.timestamp()

    def _forget_nonces(self) -> None:
        until_s = self._floor.durable_s
        self._taken = {nonce: ends_s for nonce, ends_s in self._taken.items() if ends_s > until_s}
        if len(self._taken) < MAX_NONCES:
            return
        if self._verify is not None:
            raise CommandError("busy", "too many commands that have not expired")
        # Whoever may send unsigned commands needs no old one to repeat, and must not lock others out.
        del self._taken[min(self._taken, key=self._taken.__getitem__)]

    def _flooded(self, message: Incoming) -> RefusedCommand | None:
        self._unread += 1
        now_s = time.monotonic()
        if now_s - self._unread_reported_s < _UNREAD_REPORT_S:
            return None
        refused = counted(self._unread, "command")
        self._unread, self._unread_reported_s = 0, now_s
        text = f"{refused} refused without an answer: allowed are {self._config.max_per_minute} a minute"
        return RefusedCommand("unknown", None, "rate", text, message.correlation)


def _check_fresh(message: Incoming) -> None:
    if message.is_retained:
        raise CommandError("retained", "commands are never retained: it may be of any age")
