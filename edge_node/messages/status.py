"""Define the status and health messages, and the states, alarms and counts in them."""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from enum import Enum
from typing import Literal

import msgspec

from edge_node.messages.camera_view import CameraView
from edge_node.messages.identifiers import Count
from edge_node.messages.shadow import Summary
from edge_node.messages.verdict import (  # msgspec resolves annotations at run time
    BundleReference,  # the same
)


class Presence(str, Enum):
    """Whether the robot is connected."""

    ONLINE = "online"
    OFFLINE = "offline"


class OfflineReason(str, Enum):
    """Why the robot is offline."""

    STOPPED = "stopped"  # published by the robot when it stops
    LINK_LOST = "link_lost"  # published by the broker: the will


class PartState(str, Enum):
    """The state of one part of the robot."""

    OK = "ok"
    STARTING = "starting"
    ABSENT = "absent"  # missing, and the node goes on without
    FAILING = "failing"
    PAUSED = "paused"  # by command
    UNKNOWN = "unknown"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """State of camera, model or clock; ``text`` is for people."""

    state: PartState = PartState.UNKNOWN
    text: str = ""


class ControlMode(str, Enum):
    """How a setting of the camera is held."""

    AUTO = "auto"  # the camera's automatic moves it
    LOCK = "lock"  # frozen at what the automatic had found
    FIXED = "fixed"  # at a number of the configuration


class CameraControl(msgspec.Struct, frozen=True, kw_only=True):
    """A setting of the camera as it answered, not as it was asked.

    Attributes:
        key: of ``[camera]``: exposure_us, gain, white_balance, focus.
        values: read back; two for red and blue; none while automatic or where the camera tells none.
        unit: us, K, x (times), dpt (dioptres), ISO; empty for the camera's own counts.
        text: why it is not as configured, for people; empty if it is.
    """

    key: str
    mode: ControlMode
    values: tuple[float, ...] = ()
    unit: str = ""
    text: str = ""


class LinkState(str, Enum):
    """The state of the connection to the broker."""

    STOPPED = "stopped"  # not started, or closed
    CONNECTING = "connecting"  # trying, or waiting before the next attempt
    CONNECTED = "connected"  # the broker accepted the connection, and answers
    REFUSED = "refused"  # the broker answers and refuses: credentials, certificate, client id


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the robot is connected, and the states of its parts; retained.

    The publisher fills in ``link`` and ``spool`` when it sends it. ``unchanged_since`` is null while the
    picture changes, and where every frame is judged.
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
    camera_controls: tuple[CameraControl, ...] = ()  # of those that are configured
    camera_view: CameraView | None = None  # null before the first frame, and of recordings judged as they are
    model: Part = Part()
    unchanged_since: datetime | None = None
    clock: Part = Part()
    shadow: Part | None = None
    evidence: Part | None = None
    scale: Part | None = None  # of the pictures, for areas in mm²; null where none is configured
    findings_open: Count | None = None  # null where no findings are published
    link: LinkState = LinkState.CONNECTED
    link_text: str = ""  # what the broker does not promise, for people
    spool: SpoolDepth | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Rates, ages, counts and alarms, published every few seconds at QoS 0: lost while there is no link.

    ``clock_floor`` is the earliest that it can be now, whatever the robot's clock says.
    """

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
    frames_dropped: Count = 0  # a newer one was there
    frames_unchanged: Count = 0  # not judged, because they showed nothing new
    verdicts: Count = 0
    at_qos_0: Count = 0  # of what was delivered, only read by the broker, which may lose it without a word
    spool: SpoolDepth | None = None
    temperature_c: float | None = None
    memory_mb: float | None = None
    shadow: ShadowHealth | None = None
    clock_floor: datetime | None = None
    alarms: tuple[Alarm, ...] = ()


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that the operator should act on; ``code`` is stable, for machines."""

    code: str
    text: str


class SpoolDepth(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of the rows that wait, were dropped, were refused or are in quarantine, over the file's life.

    Attributes:
        waiting: rows on disk that no broker has acknowledged.
        in_memory: appended, not yet on disk.
        oldest_age_s: of the waiting rows, since the start by monotonic time; null when none waits.
        disk_bytes: the file with its write-ahead log.
        dropped: rows dropped because the bound on disk was reached.
        refused: rows lost because the disk could not be written.
        quarantined: rows that the broker refuses for good; ``edge-node spool requeue`` sends them again.
        commit_interval_ms: how long verdicts wait in memory, where a power cut or kill costs them.
    """

    waiting: int
    in_memory: int
    oldest_age_s: float | None
    disk_bytes: int
    dropped: int
    refused: int
    quarantined: int
    commit_interval_ms: int = 0
    alarms: tuple[Alarm, ...] = ()


class ShadowHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the shadow, and how often it disagrees; counts restart when either bundle changes.

    Attributes:
        old: the bundle that decides.
        new: the shadow; null until it is loaded.
        inference_ms: of the frame that it judged last.
        ended: how often its process ended by itself, since the daemon started.
        counts: how both bundles' decisions on the same frames differ.
    """

    part: Part
    old: BundleReference | None = None
    new: BundleReference | None = None
    inference_ms: float | None = None
    ended: Count = 0
    counts: Summary
