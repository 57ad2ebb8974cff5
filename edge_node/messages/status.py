"""What a robot says besides verdicts: status, health, responses. Findings are in ``findings.py``."""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from enum import Enum
from typing import Annotated, Literal, TypeAlias

import msgspec

from edge_node.messages.verdict import BundleReference  # the same
from edge_node.shadow.comparison import Change, Summary  # msgspec resolves annotations at run time
from edge_node.spool.rows import Alarm, SpoolDepth  # the same

Scalar: TypeAlias = str | int | float | bool | None
MAX_PIECE_BYTES = 32 * 1024  # of a bundle in one message
Count = Annotated[int, msgspec.Meta(ge=0)]


class Presence(str, Enum):
    """Whether the robot is there."""

    ONLINE = "online"
    OFFLINE = "offline"


class OfflineReason(str, Enum):
    """Why it is not."""

    STOPPED = "stopped"  # it said so itself
    LINK_LOST = "link_lost"  # the broker says so: the will


class PartState(str, Enum):
    """How one part of the robot does."""

    OK = "ok"
    STARTING = "starting"
    ABSENT = "absent"  # not there, and the node goes on without
    FAILING = "failing"
    PAUSED = "paused"  # by command
    UNKNOWN = "unknown"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """State of camera, model or clock; ``text`` is for people."""

    state: PartState = PartState.UNKNOWN
    text: str = ""


class LinkState(str, Enum):
    """How the connection to the broker does."""

    STOPPED = "stopped"  # not started, or closed
    CONNECTING = "connecting"  # trying, or waiting before the next attempt
    CONNECTED = "connected"  # the broker accepted us, and answers
    REFUSED = "refused"  # the broker is there and does not want us: credentials, certificate, name


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Retained: whether the robot is there, and how its parts do.

    ``link`` and ``spool`` are filled in by the publisher when it is sent.
    """

    schema: Literal["corrosion/v1"] = "corrosion/v1"
    site: str
    robot: str
    presence: Presence = Presence.ONLINE
    offline_reason: OfflineReason | None = None
    since: datetime
    epoch: str | None = None
    boot_id: str | None = None
    version: str | None = None
    bundle: str | None = None
    camera: Part = Part()
    model: Part = Part()
    clock: Part = Part()
    shadow: Part | None = None
    link: LinkState = LinkState.CONNECTED
    spool: SpoolDepth | None = None


class ShadowHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How the shadow does, and where it disagrees; counts begin anew when either bundle changes.

    Attributes:
        old: the bundle that decides.
        new: the shadow; null until it is loaded.
        inference_ms: of the frame that it judged last.
        ended: how often its process ended by itself, since the daemon started.
        counts: what both say of the same frames.
    """

    part: Part
    old: BundleReference | None = None
    new: BundleReference | None = None
    inference_ms: float | None = None
    ended: Count = 0
    counts: Summary


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How well the robot does, every few seconds; lost when the link is away."""

    schema: Literal["corrosion/v1"] = "corrosion/v1"
    site: str
    robot: str
    at: datetime
    uptime_s: float
    frames_per_s: float | None = None
    verdicts_per_s: float | None = None
    frame_age_ms: float | None = None
    inference_ms: float | None = None
    frames: Count = 0
    frames_dropped: Count = 0
    verdicts: Count = 0
    spool: SpoolDepth | None = None
    temperature_c: float | None = None
    memory_mb: float | None = None
    shadow: ShadowHealth | None = None
    alarms: tuple[Alarm, ...] = ()


class BundleRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the robot wants of the bundle file that was announced with ``update``.

    The answer, on ``bundle/piece``, is binary: the 32 bytes of ``sha256``, ``offset`` as 8 bytes, the highest
    first, and exactly ``length`` bytes of the file. Anything else is left out.
    """

    schema: Literal["corrosion/v1"] = "corrosion/v1"
    site: str
    robot: str
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    offset: Count
    length: Annotated[int, msgspec.Meta(ge=1, le=MAX_PIECE_BYTES)]


class Result(str, Enum):
    """What became of a command."""

    DONE = "done"
    ACCEPTED = "accepted"  # begun; a later response says how it ended
    REFUSED = "refused"  # not carried out, for a reason of policy
    FAILED = "failed"  # tried


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a command, and the record that it was given: also of those that were refused.

    ``command_id`` is null where the command was so malformed that none could be read.
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


class Disagreement(Change, frozen=True, kw_only=True):
    """A frame of which the bundle on trial, the shadow, says something else than the one that decides.

    Attributes:
        verdict: id of the verdict on the same frame; it stands.
        unreported: disagreements since the last message that none was sent of.
    """

    schema: Literal["corrosion/v1"] = "corrosion/v1"
    id: str
    seq: Annotated[int, msgspec.Meta(ge=1)]
    site: str
    robot: str
    at: datetime
    verdict: str
    observed_at: datetime
    old_bundle: BundleReference
    new_bundle: BundleReference
    evidence_sha256: str | None = None
    unreported: Count = 0
