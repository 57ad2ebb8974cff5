"""Define the signed checkpoint: how far the record goes, and which verdicts the robot itself gave up. Pure.

The signature is the payload's last field and covers every byte before it, so that any language can check it
without encoding the message again.
"""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from edge_node.messages.verdict import EpochEnd, Sha256, encode

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_RANGES = 256  # in one checkpoint: about 50 kB
_SIGNATURE_KEY = b',"signature":"'
_END = b'"}'


class GivenUp(msgspec.Struct, frozen=True, kw_only=True):
    """A range of verdicts that will not come: dropped, refused or quarantined.

    Attributes:
        epoch: epoch of the verdicts.
        first: number of the first of them.
        last: number of the last of them.
        previous_sha256: SHA-256 of the payload before the first of them, so that the chain can be followed
            across; null if there is none before it in its epoch, or it is not known.
    """

    epoch: str
    first: Annotated[int, msgspec.Meta(ge=1)]
    last: Annotated[int, msgspec.Meta(ge=1)]
    previous_sha256: Sha256 | None = None


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signed statement of how far the record goes; published every minute in which it grew, and at the end.

    Attributes:
        schema: name and version of the message format.
        id: ``{robot}:{epoch}:checkpoint:{seq}``.
        seq: counts the checkpoints of this epoch from 1.
        site: where the robot works.
        robot: name of the robot.
        epoch: epoch of this start of the node.
        last_seq: number of the epoch's last verdict so far; 0 before the first.
        last_sha256: SHA-256 of that verdict's payload as it was published.
        previous_epoch: the end of the epoch before, as in the epoch's first verdict.
        given_up: ranges of any epoch that were not named before.
        final: the node was stopped: no verdict of this epoch follows.
        at: when it was signed, by the robot's clock.
        monotonic_ns: the same moment by the monotonic clock of this boot.
        boot_id: id of the computer's boot.
        time_quality: whether a time server had set the robot's clock.
        key_id: SHA-256 of the public key's 32 bytes.
        signature: Ed25519 in base64, over ``corrosion/v1 checkpoint``, a zero byte, and the payload's bytes
            before ``,"signature":``. Check it with ``edge-node spool verify --key``.
    """

    schema: Literal["corrosion/v1"] = "corrosion/v1"
    id: str
    seq: Annotated[int, msgspec.Meta(ge=1)]
    site: str
    robot: str
    epoch: str
    last_seq: Annotated[int, msgspec.Meta(ge=0)]
    last_sha256: Sha256 | None
    previous_epoch: EpochEnd | None
    given_up: tuple[GivenUp, ...]
    final: bool
    at: datetime
    monotonic_ns: int
    boot_id: str
    time_quality: Literal["synchronized", "not_synchronized", "unknown"]
    key_id: Sha256
    signature: str = ""


def seal(checkpoint: Checkpoint, sign: Callable[[bytes], str]) -> bytes:
    """Return the payload of ``checkpoint`` with its signature; ``sign`` returns one of bytes, in base64."""
    head = encode(checkpoint).removesuffix(_SIGNATURE_KEY + _END)
    return head + _SIGNATURE_KEY + sign(head).encode("ascii") + _END


def split_seal(payload: bytes) -> tuple[bytes, str] | None:
    """Return the signed bytes of a checkpoint's payload and its signature; None if it has none at its end."""
    head, key, rest = payload.rpartition(_SIGNATURE_KEY)
    if not key or not rest.endswith(_END):
        return None
    return head, rest.removesuffix(_END).decode("ascii", "replace")
