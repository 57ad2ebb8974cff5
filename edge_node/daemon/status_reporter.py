"""Report the node's state: feed the watchdog, publish status and health, show them on the local page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from edge_node.messages.status import LinkState, Part, PartState
from edge_node.messages.verdict import encode
from edge_node.monitoring.watchdog import Vitals
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_node.camera.capture.capture_thread import CameraState
    from edge_node.commands.pause import PauseSwitch
    from edge_node.daemon.bundle_in_use import BundleInUse
    from edge_node.daemon.inference_thread import InferenceThread
    from edge_node.delivery.publisher import Publisher
    from edge_node.inspection.change_gate import Stillness
    from edge_node.messages.camera_view import CameraView
    from edge_node.messages.status import Health, ShadowHealth, Status
    from edge_node.monitoring.status_board import StatusBoard
    from edge_node.monitoring.watchdog import Watchdog
    from edge_node.spool.spool import Spool

HEALTH_INTERVAL_S = 10.0


class Capture(Protocol):
    """The state of whoever fills the slot of the newest frame; ``CaptureThread`` is one."""

    frames_captured: int
    beat_s: float

    @property
    def state(self) -> CameraState:
        """Return the condition of the camera."""


class StatusListener(Protocol):
    """Called with the node's state twice a second, in the main thread."""

    def on_status(self, status: Status, health: Health | None, *, link: str, hung: str) -> None:
        """Note the state; ``health`` is None where it is not new, ``hung`` empty if nothing hangs."""


class Sources(PlainStruct, frozen=True):
    """The parts whose state is reported.

    Attributes:
        texts: sentences about the bundle in use, empty while there is nothing to say; the first is reported.
        shadow_health: returns the shadow's state; None without a shadow.
        evidence_part: returns whether pictures are kept.
        findings_open: returns how many findings are open; None where none are published.
        unchanged: returns how many frames showed nothing new and were not judged.
        stillness: returns since when there has been nothing new; None if there is.
        camera_view: returns the view in force, in numbers.
    """

    capture: Capture
    inference: InferenceThread
    spool: Spool
    bundle: BundleInUse
    pause: PauseSwitch
    texts: tuple[Callable[[], str], ...] = ()
    shadow_health: Callable[[], ShadowHealth | None] = lambda: None
    evidence_part: Callable[[], Part | None] = lambda: None
    findings_open: Callable[[], int | None] = lambda: None
    unchanged: Callable[[], int] = lambda: 0
    stillness: Callable[[], Stillness | None] = lambda: None
    camera_view: Callable[[], CameraView | None] = lambda: None


class StatusReporter:
    """Feed the watchdog and publish status and health; used by the main thread alone."""

    interval_s = 0.5

    def __init__(
        self,
        sources: Sources,
        board: StatusBoard,
        watchdog: Watchdog,
        publisher: Publisher,
        *,
        listeners: Sequence[StatusListener] = (),
    ) -> None:
        """Report what ``sources`` and ``board`` say to the publisher, the watchdog and ``listeners``."""
        self._sources = sources
        self._board = board
        self._watchdog = watchdog
        self._publisher = publisher
        self._listeners = tuple(listeners)
        self._published: Status | None = None
        self._next_health_s = 0.0

    def look(self, now_s: float) -> None:
        """Feed the watchdog, publish the status if it changed, and health when it is due."""
        self._watchdog.look(self.vitals())
        status = self._status()
        if status != self._published:
            self._publisher.set_status(status)
            self._published = status
        health = None
        if now_s >= self._next_health_s:
            self._next_health_s = now_s + HEALTH_INTERVAL_S
            health = self.publish_health()
        link, hung = self._publisher.link.value, self._watchdog.hung
        for listener in self._listeners:
            listener.on_status(status, health, link=link, hung=hung)

    def publish_health(self) -> Health:
        """Publish the rates since the last time and the machine's figures, and return them."""
        health = self._board.health(self._sources.unchanged())
        health = msgspec.structs.replace(
            health,
            shadow=self._sources.shadow_health(),
            at_qos_0=self._publisher.at_qos_0,
            alarms=tuple({alarm.code: alarm for alarm in health.alarms + self._publisher.alarms}.values()),
        )
        self._publisher.publish_health(encode(health))
        return health

    def vitals(self) -> Vitals:
        """Return the progress of the node's parts, for the watchdog."""
        sources, publisher = self._sources, self._publisher
        camera = sources.capture.state.condition
        return Vitals(
            camera=camera,
            # A frame that shows nothing new is done with.
            frames=sources.capture.frames_captured - sources.unchanged(),
            verdicts=self._board.verdicts,
            capture_beat_s=sources.capture.beat_s,
            inference_since_s=sources.inference.busy_since_s,
            publisher_beat_s=publisher.beat_s if publisher.link is LinkState.CONNECTED else None,
            spool_beat_s=sources.spool.beat_s,
            paused=sources.pause.is_paused,
            summary=f"camera {camera.value}, link {publisher.link.value}, bundle {self._board.bundle}",
        )

    def _status(self) -> Status:
        status = msgspec.structs.replace(
            self._board.status(self._sources.capture.state, self._sources.stillness()),
            model=self._model_part(),
            evidence=self._sources.evidence_part(),
            findings_open=self._sources.findings_open(),
            camera_view=self._sources.camera_view(),
            link_text=self._publisher.link_text,
        )
        shadow = self._sources.shadow_health()
        return status if shadow is None else msgspec.structs.replace(status, shadow=shadow.part)

    def _model_part(self) -> Part:
        if self._sources.pause.is_paused:
            return Part(state=PartState.PAUSED, text="by command")
        texts = (text() for text in self._sources.texts)
        if found := next(filter(None, texts), ""):
            return Part(state=PartState.OK, text=found)
        return self._sources.bundle.part
