"""Define the messages in which a robot answers commands and requests pieces of a bundle."""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from enum import Enum
from typing import Annotated, Literal, TypeAlias

import msgspec

from edge_node.messages.identifiers import SHA256_WANTED, Count  # the same
from edge_node.validation import text_rule

Scalar: TypeAlias = str | int | float | bool | None


# In the data of a response to a signed review: the command as it came, and its signature.
SIGNED_COMMAND, SIGNATURE = "signed_command", "signature"

MAX_PIECE_BYTES = 32 * 1024  # of a bundle in one message


class BundleRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The robot requests a piece of the bundle file that was announced with ``update``.

    The answer, on ``bundle/piece``, is binary: the 32 bytes of ``sha256``, ``offset`` as 8 bytes big-endian,
    and exactly ``length`` bytes of the file. Anything else is ignored.

    Attributes:
        schema: name and version of the message format.
        site: where the robot works.
        robot: name of the robot.
        sha256: SHA-256 of the whole file, as the command named it.
        offset: place of the piece's first byte in the file.
        length: number of bytes of the piece.
    """

    schema: Literal["corrosion/v1"] = "corrosion/v1"
    site: str
    robot: str
    sha256: Annotated[str, text_rule(r"^[0-9a-f]{64}\Z", SHA256_WANTED)]
    offset: Count
    length: Annotated[int, msgspec.Meta(ge=1, le=MAX_PIECE_BYTES)]


class Result(str, Enum):
    """The result of a command.

    Attributes:
        DONE: carried out.
        ACCEPTED: begun; a later response says how it ended.
        REFUSED: not carried out, for a reason of policy.
        FAILED: tried, without success.
    """

    DONE = "done"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAILED = "failed"


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """The response to a command, also to one that was refused.

    Attributes:
        schema: name and version of the message format.
        id: ``{robot}:{epoch}:response:{seq}``.
        seq: counts the robot's responses.
        site: where the robot works.
        robot: name of the robot.
        at: when it was written, by the robot's clock.
        verb: the last level of the command's topic.
        command_id: id of the command; null where none could be read.
        result: what became of the command.
        code: why, for programs.
        text: why, for people.
        data: what the command asked for, or changed.
    """

    schema: Literal["corrosion/v1"] = "corrosion/v1"
    id: str
    seq: Annotated[int, msgspec.Meta(ge=1)]
    site: str
    robot: str
    at: datetime
    verb: str
    command_id: str | None
    result: Result
    code: str
    text: str
    data: dict[str, Scalar] = {}
