"""What a robot says besides verdicts: status, health, responses. Findings are in ``findings.py``."""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from enum import Enum
from typing import Literal

import msgspec

from edge_node.messages.identifiers import Count
from edge_node.messages.shadow import Summary
from edge_node.messages.verdict import (  # msgspec resolves annotations at run time
    BundleReference,  # the same
)


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
