"""What goes into the spool and comes out of it: kinds, rows, what it says of itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_node.messages.topics import Kind

MAX_PAYLOAD_BYTES = 1024 * 1024  # a verdict is 1-2 kB; pictures go another way


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
class StoredUpTo:
    """Rows of a kind that their consumers have: all of ``epoch`` up to ``seq``."""

    kind: Kind
    epoch: str
    seq: int
