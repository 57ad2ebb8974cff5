"""Define the types of names, versions and counts that messages share, and split the ids of verdicts."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec

Identifier = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")]


Ordered = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){0,3}\Z",
        description="one to four whole numbers with dots between: 2, 1.10, 2026.11.24",
    ),
]


Count = Annotated[int, msgspec.Meta(ge=0)]


class VerdictIdParts(NamedTuple):
    """The parts of a verdict's id ``ROBOT:EPOCH:SEQ``, each as text and unchecked."""

    robot: str
    epoch: str
    seq: str


def split_verdict_id(verdict_id: str) -> VerdictIdParts:
    """Split ``ROBOT:EPOCH:SEQ`` at its first and last colon; parts that are not there are empty."""
    head, _, seq = verdict_id.rpartition(":")
    robot, _, epoch = head.partition(":")
    return VerdictIdParts(robot, epoch, seq)
