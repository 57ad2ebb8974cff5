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
    """Whether the robot is connected.

    Attributes:
        ONLINE: it is connected to the broker.
        OFFLINE: it is not.
    """

    ONLINE = "online"
    OFFLINE = "offline"


class OfflineReason(str, Enum):
    """Why the robot is offline.

    Attributes:
        STOPPED: published by the robot when it stops.
        LINK_LOST: published by the broker as the will.
    """

    STOPPED = "stopped"
    LINK_LOST = "link_lost"


class PartState(str, Enum):
    """The state of one part of the robot.

    Attributes:
        OK: it works.
        STARTING: it does not work yet.
        ABSENT: it is missing, and the node goes on without it.
        FAILING: it does not work.
        PAUSED: by command.
        UNKNOWN: nothing is known of it.
    """

    OK = "ok"
    STARTING = "starting"
    ABSENT = "absent"
    FAILING = "failing"
    PAUSED = "paused"
    UNKNOWN = "unknown"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """State of a part of the robot, such as camera, model or clock.

    Attributes:
        state: the state, for programs.
        text: the state in words, for people.
    """

    state: PartState = PartState.UNKNOWN
    text: str = ""


class ControlMode(str, Enum):
    """How a setting of the camera is held.

    Attributes:
        AUTO: the camera's automatic moves it.
        LOCK: frozen at what the automatic had found.
        FIXED: at a number of the configuration.
    """

    AUTO = "auto"
    LOCK = "lock"
    FIXED = "fixed"


class CameraControl(msgspec.Struct, frozen=True, kw_only=True):
    """A setting of the camera as it answered, not as it was asked.

    Attributes:
        key: key of ``[camera]``: exposure_us, gain, white_balance, focus.
        mode: how the setting is held.
        values: as they were read back; two for red and blue; none while automatic or where the camera tells
            none.
        unit: us, K, x (times), dpt (dioptres), ISO; empty for the camera's own counts.
        text: why it is not as configured, for people; empty if it is.
    """

    key: str
    mode: ControlMode
    values: tuple[float, ...] = ()
    unit: str = ""
    text: str = ""


class LinkState(str, Enum):
    """The state of the connection to the broker.

    Attributes:
        STOPPED: not started, or closed.
        CONNECTING: trying, or waiting before the next attempt.
        CONNECTED: the broker accepted the connection, and answers.
        REFUSED: the broker answers and refuses: credentials, certificate, client id.
    """

    STOPPED = "stopped"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    REFUSED = "refused"


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the robot is connected, and the states of its parts.

    Attributes:
        schema: name and version of the message format.
        site: where the robot works.
        robot: name of the robot.
        presence: whether the robot is connected.
        offline_reason: null while it is online.
        since: when the node started, by the robot's clock.
        epoch: epoch of this start of the node.
        boot_id: id of the computer's boot.
        version: version of the software.
        bundle: name and version of the bundle that decides.
        camera: whether pictures come.
        camera_controls: settings of the camera that are configured.
        camera_view: how the judged picture is made of the camera's; null before the first frame, and of
            recordings that are judged as they are.
        model: whether the models decide.
        unchanged_since: since when no picture showed anything new; null while it changes, and where every
            frame is judged.
        clock: whether a time server has set it.
        shadow: the second bundle; null where none is configured.
        evidence: whether pictures are kept.
        scale: of the pictures, for areas in mm²; null where none is configured.
        findings_open: number of open findings; null where no findings are published.
        link: the connection to the broker, filled in when the message is sent.
        link_text: what the broker does not promise, for people.
        spool: what waits for the broker, filled in when the message is sent.
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
    camera_controls: tuple[CameraControl, ...] = ()
    camera_view: CameraView | None = None
    model: Part = Part()
    unchanged_since: datetime | None = None
    clock: Part = Part()
    shadow: Part | None = None
    evidence: Part | None = None
    scale: Part | None = None
    findings_open: Count | None = None
    link: LinkState = LinkState.CONNECTED
    link_text: str = ""
    spool: SpoolDepth | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Rates, ages, counts and alarms, published every few seconds at QoS 0: lost while there is no link.

    Attributes:
        schema: name and version of the message format.
        site: where the robot works.
        robot: name of the robot.
        at: when it was measured, by the robot's clock.
        uptime_s: time since the node started.
        frames_per_s: frames a second that the camera gave.
        verdicts_per_s: verdicts a second.
        frame_age_ms: time from capture to decision, of the last frame.
        inference_ms: time that the models took for the last frame.
        frames: number of the camera's frames since the start.
        frames_dropped: number of frames that gave way to newer ones.
        frames_unchanged: number of frames that showed nothing new and were not judged.
        verdicts: number of verdicts since the start.
        at_qos_0: number of messages that were delivered at QoS 0: the broker read them, and may lose them.
        spool: what waits for the broker.
        temperature_c: temperature of the processor.
        memory_mb: memory that the node uses.
        shadow: state and counts of the second bundle; null where there is none.
        clock_floor: the earliest time that it can be now, whatever the robot's clock says.
        alarms: faults that the operator should act on.
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
    frames_dropped: Count = 0
    frames_unchanged: Count = 0
    verdicts: Count = 0
    at_qos_0: Count = 0
    spool: SpoolDepth | None = None
    temperature_c: float | None = None
    memory_mb: float | None = None
    shadow: ShadowHealth | None = None
    clock_floor: datetime | None = None
    alarms: tuple[Alarm, ...] = ()


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that the operator should act on.

    Attributes:
        code: stable, for programs.
        text: the fault in words.
    """

    code: str
    text: str


class SpoolDepth(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of the messages in the spool: those that wait, and over the file's life those that were lost.

    Attributes:
        waiting: messages on disk that no broker has acknowledged.
        in_memory: messages that are not on disk yet.
        oldest_age_s: age of the oldest message that waits, since the start by monotonic time; null when none
            waits.
        disk_bytes: size of the file with its write-ahead log.
        dropped: messages dropped because the bound on disk was reached.
        refused: messages lost because the disk could not be written.
        quarantined: messages that the broker refuses for good; ``edge-node spool requeue`` sends them again.
        commit_interval_ms: how long verdicts wait in memory, where a power cut or a kill costs them.
        alarms: faults of the spool that the operator should act on.
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
        part: whether it judges.
        old: the bundle that decides.
        new: the shadow; null until it is loaded.
        inference_ms: time that its models took for the last frame.
        ended: how often its process ended by itself, since the daemon started.
        counts: how both bundles' decisions on the same frames differ.
    """

    part: Part
    old: BundleReference | None = None
    new: BundleReference | None = None
    inference_ms: float | None = None
    ended: Count = 0
    counts: Summary
