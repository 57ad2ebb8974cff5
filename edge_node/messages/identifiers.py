"""Define the types of names, versions and counts that messages share, and split the ids of verdicts."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec

from edge_node.validation import describe_invalid, name_rule, text_rule

SHA256_WANTED = "64 hexadecimal digits (0-9, a-f)"
NAME_WANTED = "1 to 64 letters (a-z, A-Z), digits, _ and -, the first a letter or digit"
Identifier = Annotated[str, name_rule("A-Za-z0-9", "A-Za-z0-9_-", (1, 64), NAME_WANTED)]


Ordered = Annotated[
    str,
    text_rule(
        r"^(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){0,3}\Z",
        "one to four whole numbers with dots between, such as 2, 1.10 or 2026.11.24",
        description="one to four whole numbers with dots between: 2, 1.10, 2026.11.24",
    ),
]


Count = Annotated[int, msgspec.Meta(ge=0)]


def find_name_problem(text: str) -> str | None:
    """Return what is wrong with ``text`` as the name of a site or robot, and the rule; None if it is one."""
    try:
        msgspec.convert(text, Identifier)
    except msgspec.ValidationError as err:
        return describe_invalid(err, text)
    return None


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
