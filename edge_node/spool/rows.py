"""What goes into the spool and comes out of it: kinds, rows, what it says of itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum

import msgspec

MAX_PAYLOAD_BYTES = 1024 * 1024  # a verdict is 1-2 kB; pictures go another way


class Kind(str, Enum):
    """What a row is; each kind has a topic and numbers of its own."""

    VERDICT = "verdict"
    FINDING = "finding"
    RESPONSE = "response"
    SHADOW = "shadow"


class Keep(IntEnum):
    """How long to hold on to a row when the disk's bound is reached: the lowest goes first."""

    LEAST = -1  # what a shadow says
    LOW = 0  # uncorroded verdicts
    NORMAL = 1  # uncertain and not inspectable ones, responses
    HIGH = 2  # corroded verdicts and findings


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row on its way to the disk."""

    kind: Kind
    seq: int
    epoch: str
    keep: Keep
    appended_at_s: float
    payload: bytes
    correlation: bytes = b""


@dataclass(frozen=True, slots=True)
class Row:
    """A row on the disk.

    Attributes:
        position: the order of all kinds together; never used twice.
        seq: counts the rows of this kind from 1, without gaps, in this epoch.
        appended_at_s: Unix time by the wall clock, which may have been wrong.
        correlation: MQTT correlation data of a response.
    """

    position: int
    kind: Kind
    seq: int
    epoch: str
    keep: Keep
    appended_at_s: float
    payload: bytes = field(repr=False)
    correlation: bytes = b""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row can never be delivered as it is: what the quarantine keeps beside it."""

    position: int
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Stored:
    """Rows of a kind that their consumers have: all of ``epoch`` up to ``seq``."""

    kind: Kind
    epoch: str
    seq: int


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the operator should look into; ``code`` is for machines and stays the same."""

    code: str
    text: str


class SpoolDepth(msgspec.Struct, frozen=True, kw_only=True):
    """How full the spool is, and what it had to give up; counts live as long as the file.

    Attributes:
        waiting: rows on disk that no broker has acknowledged.
        in_memory: appended, not yet on disk.
        oldest_age_s: of the waiting rows, by the wall clock; null when none waits.
        disk_bytes: the file with its write-ahead log.
        dropped: rows given up because the disk's bound was reached.
        refused: rows given up because the disk could not be written.
        quarantined: rows that the broker refuses for good; ``edge-node spool requeue`` sends them again.
    """

    waiting: int
    in_memory: int
    oldest_age_s: float | None
    disk_bytes: int
    dropped: int
    refused: int
    quarantined: int
    alarms: tuple[Alarm, ...] = ()
