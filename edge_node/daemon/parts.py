"""Declare the groups of parts that the steps of the assembly hand to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import field

from edge_node.commands.pause import PauseSwitch
from edge_node.disk_budget import DiskBudget
from edge_node.monitoring.systemd import Notifier
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

    from edge_node.camera.capture.capture_thread import CaptureThread
    from edge_node.camera.frame import Frame
    from edge_node.camera.latest import LatestFrame
    from edge_node.clock_floor import ClockFloor
    from edge_node.commands.audit_log import AuditLog
    from edge_node.commands.known_subjects import KnownSubjects
    from edge_node.commands.responses import ResponseWriter
    from edge_node.config.sections import Config
    from edge_node.daemon.bundle_in_use import BundleInUse, BundleListener
    from edge_node.daemon.bundle_loader import BundleLoader
    from edge_node.daemon.inference_thread import InferenceThread
    from edge_node.daemon.main_loop import Periodic, VerdictListener
    from edge_node.daemon.status_reporter import Sources, StatusListener
    from edge_node.daemon.verdict_writer import VerdictWriter
    from edge_node.delivery.ports import Inbox, Outbox
    from edge_node.evidence.store import EvidenceStore
    from edge_node.findings.log import FindingLog
    from edge_node.inference.engine import Engine
    from edge_node.inference.reloader import Reloader
    from edge_node.inspection.change_gate import ChangeGate
    from edge_node.inspection.pose_track import PoseTrack
    from edge_node.messages.status import Alarm
    from edge_node.messages.topics import Topics
    from edge_node.monitoring.status_board import StatusBoard
    from edge_node.mqtt.wake import Wake
    from edge_node.shadow.runner import Shadow
    from edge_node.spool.spool import Spool
    from edge_node.view.view import View


class Registry(PlainStruct, frozen=True):
    """Hold what all parts share, and the lists in which they register with the parts that call them.

    Attributes:
        config: of the whole node.
        topics: of this robot.
        state_dir: the node's folder; it exists.
        stack: stops the parts, last first.
        wake: set by whoever has something for the publisher's thread.
        notifier: the service manager.
        pause: whether frames are inspected.
        bundle_texts: sentences about the bundle in use; empty while there is nothing to say.
        failure_counters: true for the exception of a frame that could not be judged, if it is counted against
            a bundle on trial.
        alarm_sources: each returns the alarms of one part.
        budget: of the disk that the parts share.
        picture_requests: true for a frame whose picture is to be kept in any case.
        frame_requests: true while the next frame is to be judged, though it may show nothing new.
        view: how the picture that is judged is made of the camera's; None judges that as it is.
    """

    config: Config
    topics: Topics
    state_dir: Path
    stack: ExitStack
    wake: Wake
    notifier: Notifier = field(default_factory=Notifier)
    pause: PauseSwitch = field(default_factory=PauseSwitch)
    inboxes: list[Inbox] = field(default_factory=list)
    outboxes: list[Outbox] = field(default_factory=list)
    verdict_listeners: list[VerdictListener] = field(default_factory=list)
    bundle_listeners: list[BundleListener] = field(default_factory=list)
    status_listeners: list[StatusListener] = field(default_factory=list)
    periodics: list[Periodic] = field(default_factory=list)
    bundle_texts: list[Callable[[], str]] = field(default_factory=list)
    failure_counters: list[Callable[[Exception], bool]] = field(default_factory=list)
    alarm_sources: list[Callable[[], tuple[Alarm, ...]]] = field(default_factory=list)
    budget: DiskBudget = field(default_factory=DiskBudget)
    picture_requests: list[Callable[[Frame], bool]] = field(default_factory=list)
    frame_requests: list[Callable[[], bool]] = field(default_factory=list)
    view: View | None = None


class CameraParts(PlainStruct, frozen=True):
    """The capture thread, the slot that it fills, what it puts there, and the poses of its frames."""

    latest: LatestFrame
    capture: CaptureThread
    gate: ChangeGate
    pose: PoseTrack


class ModelParts(PlainStruct, frozen=True):
    """The models, and what loads others."""

    engine: Engine
    reloader: Reloader
    loader: BundleLoader


class StorageParts(PlainStruct, frozen=True):
    """The parts that keep their content in the state folder."""

    spool: Spool
    evidence: EvidenceStore
    findings: FindingLog
    audit: AuditLog
    responses: ResponseWriter
    floor: ClockFloor
    known: KnownSubjects


class MonitoringParts(PlainStruct, frozen=True):
    """The counter of verdicts, and the shadow if there is one."""

    board: StatusBoard
    shadow: Shadow | None


class InspectionParts(PlainStruct, frozen=True):
    """The parts that inspect frames, and the sources of their state.

    Attributes:
        has_work: set by every thread that has something for the main thread.
    """

    has_work: threading.Event
    inference: InferenceThread
    bundle: BundleInUse
    verdicts: VerdictWriter
    sources: Sources
