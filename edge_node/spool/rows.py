"""Define the spool's rows and how long each is kept. Pure."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from edge_node.messages.checkpoint import GivenUp
    from edge_node.messages.topics import Kind
    from edge_node.messages.verdict import EpochEnd

MAX_PAYLOAD_BYTES = 1024 * 1024  # a verdict is 1-2 kB; pictures are not spooled
MAX_NONCES = 10_000  # ids of commands that are kept: 20 minutes at the highest rate that may be configured


class Keep(IntEnum):
    """The order in which rows are dropped when the bound on disk is reached: the lowest first."""

    LEAST = -1  # disagreements of a shadow
    LOW = 0  # uncorroded verdicts
    NORMAL = 1  # uncertain and not inspectable ones, responses
    HIGH = 2  # corroded verdicts and findings
    ALWAYS = 3  # checkpoints: they say what was dropped


class NewRow(PlainStruct, frozen=True):
    """A row that is not on disk yet.

    Attributes:
        names: ranges of verdicts given up that this row names; forgotten once it is on disk.
        end: of the chain, if this row is a verdict: itself.
    """

    kind: Kind
    seq: int
    epoch: str
    keep: Keep
    appended_at_s: float
    payload: bytes
    correlation: bytes = b""
    names: tuple[GivenUp, ...] = ()
    end: EpochEnd | None = None


class Row(PlainStruct, frozen=True):
    """A row on disk.

    Attributes:
        position: the order of all kinds together; never used twice.
        seq: counts the rows of this kind from 1, without gaps, in this epoch.
        appended_at_s: Unix time by the wall clock, which may have been wrong.
        correlation: MQTT correlation data of a response.
    """

    _unshown = frozenset({"payload"})

    position: int
    kind: Kind
    seq: int
    epoch: str
    keep: Keep
    appended_at_s: float
    payload: bytes
    correlation: bytes = b""


class Refusal(PlainStruct, frozen=True):
    """Why the broker can never take a row; kept beside the row in quarantine."""

    position: int
    code: int
    reason: str


class StoredRange(PlainStruct, frozen=True):
    """Consumers have stored all rows of ``kind`` and ``epoch`` from ``first`` to ``last``."""

    kind: Kind
    epoch: str
    first: int
    last: int
