"""The main thread's work: frames are made ready, what the models said is recorded, and a look around between.

The models run in a thread of their own (``lookahead``), evidence is encoded in another
(``evidence_thread``); verdicts are numbered and spooled here, in the order in which frames were captured.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from edge_node.daemon.inference_thread import InferenceThread
from edge_node.evidence.thread import EvidenceThread, PendingPicture
from edge_node.inspection.inspectability import thresholds_of
from edge_node.inspection.inspector import Inspector, Tiling, make_marking
from edge_node.inspection.verdict_recorder import VerdictRecorder
from edge_node.messages.status import LinkState, Part, PartState
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import Outcome, encode
from edge_node.monitoring.status_board import StatusBoard
from edge_node.monitoring.watchdog import Vitals, Watchdog
from edge_node.spool.rows import Keep

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.camera.capture.capture_thread import CameraState
    from edge_node.camera.frame import Frame
    from edge_node.camera.latest import LatestFrame
    from edge_node.commands.admission import AdmittedCommand
    from edge_node.commands.executor import CommandExecutor
    from edge_node.config.sections import Config
    from edge_node.delivery.publisher import Publisher
    from edge_node.evidence.store import EvidenceStore
    from edge_node.findings.log import FindingLog
    from edge_node.inference.engine import Engine
    from edge_node.inference.reloader import Reloader
    from edge_node.inspection.inspector import Inspection
    from edge_node.inspection.pose_track import PoseTrack
    from edge_node.messages.status import Health, Status
    from edge_node.messages.verdict import Verdict
    from edge_node.monitoring.live_view import LiveView
    from edge_node.monitoring.systemd import Notifier
    from edge_node.shadow.runner import Shadow
    from edge_node.spool.spool import Spool
    from edge_node.update.trial_keeper import TrialKeeper

TICK_S = 0.5  # how soon a stop, a state or a watchdog interval is noticed without frames
HEALTH_INTERVAL_S = 10.0
MAX_DECIDED = 8  # verdicts that wait for a picture; each holds a frame, so then the models wait too

_log = logging.getLogger(__name__)

_KEEP = {Outcome.CORRODED: Keep.HIGH, Outcome.UNCORRODED: Keep.LOW}


class Capture(Protocol):
    """What the node wants to know of whoever fills its slot; ``CaptureThread`` is one."""

    state: CameraState
    frames_captured: int
    beat_s: float
    is_held: bool


@dataclass(frozen=True, slots=True)
class Rooms:
    """What a frame walks through, in that order."""

    capture: Capture
    latest: LatestFrame
    engine: Engine
    spool: Spool
    publisher: Publisher
    evidence: EvidenceStore | None = None
    orders: CommandExecutor | None = None
    findings: FindingLog | None = None
    pose: PoseTrack | None = None
    reloader: Reloader | None = None
    view: LiveView | None = None
    shadow: Shadow | None = None
    keeper: TrialKeeper | None = None


@dataclass(frozen=True, slots=True)
class _Decided:
    """A frame whose verdict is to be spooled, once its picture is kept."""

    frame: Frame
    dropped: int
    inspection: Inspection
    recorder: VerdictRecorder
    picture: PendingPicture | None
    snapshots: list[AdmittedCommand]  # commands that asked for it


class Node:
    """The main thread's work: one frame after the other, and a look around in between."""

    def __init__(
        self,
        config: Config,
        rooms: Rooms,
        notifier: Notifier,
        *,
        on_decided: Callable[[Frame, Inspection, Verdict], None] | None = None,
    ) -> None:
        """Make ready.

        Args:
            config: of the whole node.
            rooms: opened and running.
            notifier: the service manager.
            on_decided: told of each frame after its verdict is in the spool; must be quick.
        """
        self._on_decided = on_decided
        self._rooms = rooms
        self._config = config
        self._notifier = notifier
        self._model = Part(state=PartState.OK, text="the golden probe holds")
        self._watchdog = Watchdog(notifier)
        self._bell = threading.Event()  # rung by every thread that has something for the main thread
        self._lookahead = InferenceThread(
            rooms.latest, self._bell.set, rooms.shadow.give_way if rooms.shadow is not None else None
        )
        self._pictures = EvidenceThread(self._bell.set)
        self._decided: deque[_Decided] = deque()
        self._inspector, self._recorder = self._with(rooms.engine)
        self._board = StatusBoard(config, rooms.engine.bundle, rooms.spool)
        self._said: Status | None = None
        self._unjudged = 0  # frames that a bundle on trial could not judge
        self._next_look_s = self._next_health_s = 0.0

    def decide_frames(self, stop: threading.Event) -> None:
        """Decide the newest frame again and again, until asked to stop or no further frame will come."""
        latest = self._rooms.latest
        latest.listen(self._bell.set)
        self._lookahead.start()
        self._pictures.start()
        try:
            while not stop.is_set():
                self._turn()
                self._look_around()
                if latest.closed and self._lookahead.is_idle and not self._decided:
                    break
                self._bell.wait(TICK_S)
                self._bell.clear()
        finally:
            self._lookahead.stop()
            self._pictures.stop()
        self._conclude()
        while self._decided:
            self._record(self._decided.popleft())
            self._conclude()
        self._rooms.publisher.publish_health(encode(self._health()))

    def _turn(self) -> None:
        """Make the newest frame ready, then record what the models said of those before."""
        if self._paused:
            self._rooms.latest.take(0)
        else:
            try:
                self._lookahead.prepare(self._inspector, self._recorder)
            except Exception as err:  # noqa: BLE001  raised again unless a trial is to answer for it
                self._blame_trial(err)
        self._conclude()
        while self._decided and ((picture := self._decided[0].picture) is None or picture.is_settled):
            self._record(self._decided.popleft())

    def _conclude(self) -> None:
        """Take in what the models said."""
        while len(self._decided) < MAX_DECIDED and (judged := self._lookahead.take()) is not None:
            ready = judged.ready
            try:
                inspection = ready.inspector.conclude(ready.prepared, judged.answered())
            except Exception as err:  # noqa: BLE001  raised again unless a trial is to answer for it
                self._blame_trial(err)
                self._unjudged += 1 + judged.dropped
                continue
            dropped, self._unjudged = judged.dropped + self._unjudged, 0
            orders = self._rooms.orders
            snapshots = orders.take_snapshots() if orders is not None else []
            picture = self._picture(ready.frame, inspection, is_asked_for=bool(snapshots))
            self._decided.append(
                _Decided(ready.frame, dropped, inspection, ready.recorder, picture, snapshots)
            )

    def _blame_trial(self, err: Exception) -> None:
        """Let a bundle on trial answer for a frame that cannot be judged; raise where there is none."""
        if self._rooms.keeper is None or not self._rooms.keeper.failed(err):
            raise err

    def _record(self, decided: _Decided) -> None:
        frame, inspection = decided.frame, decided.inspection
        sha256 = decided.picture.sha256 if decided.picture is not None else None
        if decided.snapshots and self._rooms.orders is not None:
            self._rooms.orders.answer_snapshots(decided.snapshots, sha256)
        verdict = self._spooled(decided, sha256)
        if self._rooms.findings is not None:
            self._rooms.findings.see(verdict)
        self._board.count(frame, decided.dropped, inspection.inference_ms)
        if self._rooms.keeper is not None and decided.recorder is self._recorder:
            self._rooms.keeper.decided(inspection)
        if self._rooms.view is not None:
            self._rooms.view.decided(frame, inspection, verdict)
        if self._on_decided is not None:
            self._on_decided(frame, inspection, verdict)
        if self._rooms.shadow is not None:
            self._rooms.shadow.offer(frame, verdict)

    def _spooled(self, decided: _Decided, evidence_sha256: str | None) -> Verdict:
        """Hand the frame's verdict to the spool, which numbers it, and return it."""
        frame, inspection = decided.frame, decided.inspection
        track = self._rooms.pose
        pose, pose_age_ms = track.at(frame.captured_at_ns) if track is not None else (None, None)
        verdicts: list[Verdict] = []

        def record(seq: int) -> bytes:
            verdict = decided.recorder.verdict(
                inspection.decision,
                frame,
                seq=seq,
                dropped=decided.dropped,
                inference_ms=inspection.inference_ms,
                pose=pose,
                pose_age_ms=pose_age_ms,
                evidence_sha256=evidence_sha256,
            )
            verdicts.append(verdict)
            return encode(verdict)

        keep = _KEEP.get(inspection.decision.outcome, Keep.NORMAL)
        self._rooms.spool.append(Kind.VERDICT, record, keep=keep)
        return verdicts[0]

    def _with(self, engine: Engine) -> tuple[Inspector, VerdictRecorder]:
        """Return what judges with these models, and what names them on the verdicts."""
        config = self._config.inspect
        tiling = None
        if config.tiles_across * config.tiles_down > 1:
            budget_ms = config.tile_budget_ms
            tiling = Tiling(config.tiles_across, config.tiles_down, config.tile_overlap, budget_ms)
        return (
            Inspector(engine, material=config.material, thresholds=thresholds_of(config), tiling=tiling),
            VerdictRecorder(self._config, engine.bundle, self._rooms.spool.epoch),
        )

    def _change_bundle(self) -> None:
        """Begin a reload that was asked for, and let one that has ended take over."""
        reloader = self._rooms.reloader
        if reloader is None:
            return
        if self._rooms.keeper is not None:
            self._rooms.keeper.look()
        if reloader.asked.is_set():
            reloader.asked.clear()
            self._notifier.reloading()
            reloader.request()
        loaded = reloader.take()
        if loaded is None:
            return
        if loaded.engine is not None:
            self._inspector, self._recorder = self._with(loaded.engine)
            self._board.adopt(loaded.engine.bundle)
            if self._rooms.keeper is not None:
                self._rooms.keeper.adopted(loaded.engine.bundle)
            self._model = Part(state=PartState.OK, text="the golden probe holds")
            _log.info("bundle %s has taken over", self._board.bundle)
        else:
            self._model = Part(state=PartState.OK, text=f"a new bundle was refused: {loaded.failure}")
            _log.error("bundle %s goes on; the new one was refused: %s", self._board.bundle, loaded.failure)
        if self._rooms.shadow is not None:
            self._rooms.shadow.reload()
        self._notifier.ready()

    @property
    def _paused(self) -> bool:
        return self._rooms.orders is not None and self._rooms.orders.paused

    def _picture(self, frame: Frame, inspection: Inspection, *, is_asked_for: bool) -> PendingPicture | None:
        """Have a picture kept of what was found, or was asked for."""
        evidence, outcome = self._rooms.evidence, inspection.decision.outcome
        if evidence is None or not (evidence.wants(outcome, time.monotonic()) or is_asked_for):
            return None
        corroded = is_asked_for or outcome is Outcome.CORRODED
        return self._pictures.keep(
            lambda: evidence.keep(frame.pixels, corroded=corroded, marking=make_marking(inspection))
        )

    def _look_around(self) -> None:
        if self._rooms.orders is not None:
            self._rooms.orders.carry_out()
            self._rooms.capture.is_held = self._paused
        now_s = time.monotonic()
        if now_s < self._next_look_s:
            return
        self._next_look_s = now_s + TICK_S
        self._watchdog.look(self._vitals())
        self._change_bundle()
        status = msgspec.structs.replace(
            self._board.status(self._rooms.capture.state), model=self._model_part()
        )
        if self._rooms.shadow is not None:
            status = msgspec.structs.replace(status, shadow=self._rooms.shadow.health.part)
        if status != self._said:
            self._rooms.publisher.set_status(status)
            self._said = status
        health = None
        if now_s >= self._next_health_s:
            self._next_health_s = now_s + HEALTH_INTERVAL_S
            health = self._health()
            self._rooms.publisher.publish_health(encode(health))
        if self._rooms.view is not None:
            link = self._rooms.publisher.link.value
            self._rooms.view.looked(status, health, link=link, hung=self._watchdog.hung)

    def _health(self) -> Health:
        shadow = self._rooms.shadow
        return msgspec.structs.replace(self._board.health(), shadow=shadow.health if shadow else None)

    def _model_part(self) -> Part:
        if self._paused:
            return Part(state=PartState.PAUSED, text="by command")
        keeper = self._rooms.keeper
        return Part(state=PartState.OK, text=keeper.text) if keeper and keeper.text else self._model

    def _vitals(self) -> Vitals:
        capture, publisher = self._rooms.capture, self._rooms.publisher
        camera = capture.state.condition
        return Vitals(
            camera=camera,
            frames=capture.frames_captured,
            verdicts=self._board.verdicts,
            capture_beat_s=capture.beat_s,
            inference_since_s=self._lookahead.busy_since_s,
            publisher_beat_s=publisher.beat_s if publisher.link is LinkState.CONNECTED else None,
            spool_beat_s=self._rooms.spool.beat_s,
            paused=self._paused,
            summary=f"camera {camera.value}, link {publisher.link.value}, bundle {self._board.bundle}",
        )
