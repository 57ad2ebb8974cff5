"""Chain an epoch's verdicts by the SHA-256 of each payload, and name the epoch before. Pure."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import NamedTuple

import msgspec

from edge_node.messages.verdict import EpochEnd, encode

LAST_VERDICT = "last_verdict"  # name of the value in the spool's file: the end of the chain on disk


class ChainLink(NamedTuple):
    """What the next verdict says of those before it.

    Attributes:
        previous_sha256: of the payload before it in this epoch; None for the first.
        previous_epoch: the end of the epoch before, for the first verdict only.
    """

    previous_sha256: str | None
    previous_epoch: EpochEnd | None


class VerdictChain:
    """Follow the chain of one epoch from its first verdict; not thread-safe."""

    def __init__(self, epoch: str, before: EpochEnd | None) -> None:
        """Begin ``epoch``, which follows ``before``; None if nothing is known to precede it."""
        self._epoch = epoch
        self.before = before
        self.end: EpochEnd | None = None

    @property
    def link(self) -> ChainLink:
        """What the next verdict is to say."""
        return ChainLink(None, self.before) if self.end is None else ChainLink(self.end.sha256, None)

    def add(self, seq: int, payload: bytes) -> EpochEnd:
        """Note that the verdict with number ``seq`` has this payload; return the chain's end, which it is."""
        self.end = end_at(self._epoch, seq, payload)
        return self.end


def end_at(epoch: str, seq: int, payload: bytes) -> EpochEnd:
    """Return the end of ``epoch`` if the verdict with this number and payload is its last."""
    return EpochEnd(epoch=epoch, seq=seq, sha256=hashlib.sha256(payload).hexdigest())


def format_end(end: EpochEnd) -> str:
    """Return ``end`` as the text that the spool's file holds."""
    return encode(end).decode()


def parse_end(text: object) -> EpochEnd | None:
    """Return the end in a text of ``format_end``; None if it is none, or damaged."""
    with suppress(msgspec.MsgspecError, UnicodeError):
        return msgspec.json.decode(text, type=EpochEnd) if isinstance(text, str) else None
    return None
