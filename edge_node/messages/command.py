"""Define the commands that a robot accepts, and decode them from bytes. Pure.

Strict and bounded: a fixed list of verbs, a schema for each, 4 KiB, no duplicate key, no NaN or infinity.
No command carries a path, an address or a program: it names things that the robot already knows.
"""

from __future__ import annotations

import json
from datetime import datetime  # msgspec resolves annotations at run time
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from edge_node.messages.identifiers import Identifier, Ordered
from edge_node.messages.review import (
    Condition,
    Label,
    Name,
    Note,
    ReviewId,
    ReviewJudgement,
    Sha256,
    SubjectId,
    find_contradiction,
)
from edge_node.validation import describe_invalid, name_rule

if TYPE_CHECKING:
    from typing import NoReturn

MAX_COMMAND_BYTES = 4096
CommandId = Annotated[
    str,
    name_rule(
        "A-Za-z0-9",
        "A-Za-z0-9._-",
        (8, 64),
        "8 to 64 letters (a-z, A-Z), digits, dots, _ and -, the first a letter or digit",
        description="random; never used twice",
    ),
]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Verb(str, Enum):
    """The name of a command; the last level of its topic."""

    PING = "ping"
    PAUSE = "pause"
    RESUME = "resume"
    SNAPSHOT = "snapshot"
    EVIDENCE = "evidence"
    RELOAD = "reload"
    REVIEW = "review"
    UPDATE = "update"


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of every command; the verb is in the topic, the sender in the certificate or signature.

    Attributes:
        schema: name and version of the message format.
        id: random; never used twice.
        issued_at: when it was sent.
        expires_at: the robot refuses it from then on.
    """

    schema: Literal["corrosion/v1"]
    id: CommandId
    issued_at: Moment
    expires_at: Moment


class Ping(Command, frozen=True, kw_only=True):
    """Respond, and do nothing else."""


class Pause(Command, frozen=True, kw_only=True):
    """Decide no frames, until ``resume`` or for a while."""

    duration_s: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=86_400)] | None,
        msgspec.Meta(description="seconds, up to a day; until resume if not given"),
    ] = None


class Resume(Command, frozen=True, kw_only=True):
    """Decide frames again."""


class Snapshot(Command, frozen=True, kw_only=True):
    """Keep the next frame as evidence and send its thumbnail."""


class SendEvidence(Command, frozen=True, kw_only=True):
    """Send a picture that the robot has kept."""

    sha256: Sha256
    size: Annotated[
        Literal["full", "overlay", "thumbnail"],
        msgspec.Meta(
            description="full: the camera's pixels; the others with corrosion outlined, the verdict below"
        ),
    ] = "full"


class Reload(Command, frozen=True, kw_only=True):
    """Read ``[bundle]`` and ``[inspect]`` of the configuration, and the bundle, again.

    The response names every other key that was changed: it needs a restart.
    """


class RecordReview(Command, frozen=True, kw_only=True):
    """Record a person's review of a finding or a verdict: confirmed, or disputed with the right labels.

    Attributes:
        subject: id of the finding or of the verdict.
        judgement: what the person says of the robot's labels. Of a disputed verdict only the labels that the
            review names count as known.
        by: who reviewed: one printable line.
        outcome: the right condition.
        material: the right material: small letters, digits and _.
        form: the right form: small letters, digits and _.
        severity: the right severity: small letters, digits and _.
        evidence_sha256: the picture that the person looked at; the robot keeps it and sends it whole.
        note: for people: one line of at most 500 characters.
        withdraws: id of an earlier review that this one takes back; the earlier one stays in the audit.
    """

    subject: SubjectId
    judgement: ReviewJudgement
    by: Name
    outcome: Condition | None = None
    material: Label | None = None
    form: Label | None = None
    severity: Label | None = None
    evidence_sha256: Annotated[
        Sha256 | None, msgspec.Meta(description="the picture that was looked at; protected and sent whole")
    ] = None
    note: Note | None = None
    withdraws: ReviewId | None = None

    def __post_init__(self) -> None:
        """Refuse a review that contradicts itself."""
        if (self.judgement is ReviewJudgement.WITHDRAWN) != (self.withdraws is not None):
            raise ValueError("withdrawn wants withdraws, the id of the review; and nothing else has it")
        found = find_contradiction(self.subject, self.judgement, self.outcome, self.severity, self.form)
        if found:
            raise ValueError(found)


class FetchUpdate(Command, frozen=True, kw_only=True):
    """Fetch a bundle over this broker and put it on trial; ``edge-node bundle send`` sends this."""

    name: Annotated[Identifier, msgspec.Meta(description="of the bundle")]
    version: Annotated[Ordered, msgspec.Meta(description="higher than what the robot has")]
    sha256: Annotated[Sha256, msgspec.Meta(description="of the whole file; names the transfer")]
    size_bytes: Annotated[int, msgspec.Meta(ge=1, le=2**30, description="of the whole file")]


COMMANDS: dict[Verb, type[Command]] = {
    Verb.PING: Ping,
    Verb.PAUSE: Pause,
    Verb.RESUME: Resume,
    Verb.SNAPSHOT: Snapshot,
    Verb.EVIDENCE: SendEvidence,
    Verb.RELOAD: Reload,
    Verb.REVIEW: RecordReview,
    Verb.UPDATE: FetchUpdate,
}


COMMON_KEYS = frozenset(Command.__struct_fields__)


class CommandError(Exception):
    """A command that is refused; leaves the node as a response only.

    Attributes:
        code: stable, for machines.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def decode_command(verb: str, payload: bytes) -> Command:
    """Return the command in ``payload``.

    Raises:
        CommandError: whatever is wrong with it.
    """
    try:
        kind = COMMANDS[Verb(verb)]
    except ValueError:
        known = ", ".join(known.value for known in Verb)
        raise CommandError("unknown_verb", f"known are {known}") from None
    if len(payload) > MAX_COMMAND_BYTES:
        raise CommandError("too_large", f"{len(payload)} bytes, allowed are {MAX_COMMAND_BYTES}")
    try:
        document = json.loads(
            payload.decode("utf-8"),
            object_pairs_hook=_refuse_duplicate_keys,
            parse_constant=_refuse_constant,
            parse_float=_parse_finite,
        )
    except CommandError:
        raise
    # RecursionError: thousands of brackets; ValueError: also integers of thousands of digits.
    except (ValueError, RecursionError):
        raise CommandError("not_json", "wanted one JSON object in UTF-8") from None
    try:
        command = msgspec.convert(document, kind)
        msgspec.json.encode(command)  # a lone surrogate could be neither logged nor sent in a response
    except (msgspec.ValidationError, ValueError, OverflowError, RecursionError) as err:
        raise CommandError("schema", _shorten(describe_invalid(err, document, kind))) from None
    return command


def arguments(command: Command) -> dict[str, Any]:
    """Return the fields of a command beyond ``COMMON_KEYS``, as JSON values; null ones are left out."""
    found = msgspec.to_builtins(command)
    return {name: found[name] for name in found if name not in COMMON_KEYS and found[name] is not None}


def _refuse_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; refuse a duplicate key, of which two readers could see different values."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise CommandError("duplicate_key", "a key is given twice")
    return found


def _refuse_constant(_text: str) -> NoReturn:
    raise CommandError("not_json", "NaN and Infinity are not JSON")


def _parse_finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise CommandError("not_json", "a number is too large")
    return value


def _shorten(text: str) -> str:
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= 200 else printable[:200] + "..."
