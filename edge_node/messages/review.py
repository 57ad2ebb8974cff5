"""Define the review that a person gives of a finding or a verdict. Pure."""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import msgspec

from edge_node.messages.identifiers import SHA256_WANTED
from edge_node.unprintable import UNPRINTABLE
from edge_node.validation import name_rule, text_rule

if TYPE_CHECKING:
    from edge_node.messages.response import Response

REVIEW_VERB = "review"

SubjectId = Annotated[
    str,
    text_rule(
        r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}:[A-Za-z0-9-]{1,64}:f?[1-9][0-9]{0,18}\Z",
        "the id of a finding or verdict, ROBOT:EPOCH:fNUMBER or ROBOT:EPOCH:NUMBER",
        description="id of the finding or of the verdict",
    ),
]
Sha256 = Annotated[
    str,
    text_rule(r"^[0-9a-f]{64}\Z", SHA256_WANTED, description="of the picture: 64 hexadecimal digits"),
]
Label = Annotated[
    str,
    name_rule(
        "a-z",
        "a-z0-9_",
        (1, 32),
        "1 to 32 small letters (a-z), digits and _, the first a letter",
        description="what is right: small letters, digits and _",
    ),
]
Name = Annotated[
    str,
    name_rule(
        rf"^\x20{UNPRINTABLE}",
        rf"^{UNPRINTABLE}",
        (1, 64),
        "a name of 1 to 64 printable characters, the first no blank",
        description="who says so: one printable line",
    ),
]
ReviewId = Annotated[
    str,
    name_rule(
        "A-Za-z0-9",
        "A-Za-z0-9._-",
        (8, 64),
        "8 to 64 letters (a-z, A-Z), digits, dots, _ and -, the first a letter or digit",
        description="id of the review that is withdrawn, which is that of the command that carried it",
    ),
]
Note = Annotated[
    str,
    text_rule(
        rf"^[^{UNPRINTABLE}]{{1,500}}\Z",
        "one line of 1 to 500 printable characters",
        description="for people: one line of at most 500 characters",
    ),
]


class ReviewJudgement(str, Enum):
    """Whether the robot's labels are right, or that an earlier review no longer counts.

    Attributes:
        CONFIRMED: condition, material, form and severity are right.
        DISPUTED: one of them is wrong; only the labels that the review names are known then.
        WITHDRAWN: takes back the review that ``withdraws`` names; robots up to 0.9.0 refuse it.
    """

    CONFIRMED = "confirmed"
    DISPUTED = "disputed"
    WITHDRAWN = "withdrawn"


class Condition(str, Enum):
    """The condition of the surface, as a person sees it.

    Attributes:
        CORRODED: the surface is corroded.
        UNCORRODED: the surface is not corroded.
    """

    CORRODED = "corroded"
    UNCORRODED = "uncorroded"


class Review(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person's review, and when the robot recorded it.

    Attributes:
        judgement: what the person says of the robot's labels.
        by: who reviewed.
        at: when the robot recorded it.
        outcome: the right condition, where the person names it.
        material: the right material, where the person names it.
        form: the right form, where the person names it.
        severity: the right severity, where the person names it.
        note: for people: one line of at most 500 characters.
        evidence_sha256: the picture that the person looked at.
        withdraws: id of the review that this one takes back.
    """

    judgement: ReviewJudgement
    by: Name
    at: datetime
    outcome: Condition | None = None
    material: Label | None = None
    form: Label | None = None
    severity: Label | None = None
    note: Note | None = None
    evidence_sha256: Sha256 | None = None
    withdraws: ReviewId | None = None


class SubjectReview(Review, frozen=True, kw_only=True, omit_defaults=True):
    """A review with the id of the finding or verdict that it is of."""

    subject: SubjectId


def find_contradiction(
    subject: str,
    judgement: ReviewJudgement,
    outcome: Condition | None,
    severity: str | None,
    form: str | None,
) -> str | None:
    """Return in a sentence how a review contradicts itself, or None."""
    if outcome is Condition.UNCORRODED:
        if judgement is ReviewJudgement.CONFIRMED and is_finding(subject):
            return "a finding says corroded: uncorroded disputes it"
        if form not in (None, "none") or severity not in (None, "none"):
            return "what is uncorroded has neither form nor severity"
    return None


def is_finding(subject: str) -> bool:
    """Tell whether an id is that of a finding, not of a verdict."""
    return subject.rpartition(":")[2].startswith("f")


def parse_review(response: Response) -> SubjectReview | None:
    """Return the review in a robot's response, or None if the response is not to a recorded review."""
    if response.verb != REVIEW_VERB or response.result.value != "done":
        return None
    try:
        return msgspec.convert({"at": response.at, **response.data}, SubjectReview)
    except (msgspec.ValidationError, ValueError):
        return None
