"""Keep a camera running and put its newest frame into ``LatestFrame``.

Each opened camera is read in its own thread, so that a read that never returns can be abandoned: the
capture thread watches the reader and reopens the camera after the timeout. Frames of an abandoned reader
are ignored.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from edge_node.camera.capture.camera_thread import CameraReader
from edge_node.camera.capture.frozen_stream import FrozenStreamDetector
from edge_node.camera.capture.login import sign_in
from edge_node.camera.capture.opening import open_camera
from edge_node.camera.controls.wishes import read_wishes
from edge_node.plain_struct import PlainStruct
from edge_node.view.settings import ViewSettings
from edge_node.view.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.camera.capture.opening import Camera
    from edge_node.camera.controls.report import ControlReport
    from edge_node.camera.controls.session import CameraControls
    from edge_node.camera.frame import Frame
    from edge_node.camera.latest import LatestFrame
    from edge_node.config.sections import CameraConfig
    from edge_node.messages.camera_view import CameraView

FIRST_RETRY_S, MAX_RETRY_S = 0.25, 5.0  # doubling: a camera that is plugged in is back within 5 s
# The camera's own timeout comes first; a reader that is silent this much longer counts as hung.
_HUNG_GRACE_S = 1.0
MAX_HUNG_READERS = 4  # each keeps a thread and a connection until its read returns
_POLL_S = 0.2  # largest delay in noticing a stop, a hang or an empty slot

_log = logging.getLogger(__name__)


class CameraCondition(str, Enum):
    """The condition of the camera."""

    STARTING = "starting"  # not opened yet
    STREAMING = "streaming"  # frames arrive
    SILENT = "silent"  # opened, but no frames arrive
    FROZEN = "frozen"  # frames arrive, but all are equal bit by bit
    MISFIT = "misfit"  # frames arrive, but crop, mask or calibration are for another size
    ABSENT = "absent"  # cannot be opened
    ENDED = "ended"  # a recording was read to its end, or the node stops


class CameraState(PlainStruct, frozen=True):
    """The camera's condition, the reason in a sentence, since when (UTC), and its controls in force."""

    condition: CameraCondition
    text: str
    since: datetime
    controls: ControlReport | None = None


class FrameGate(Protocol):
    """Decide which frames are judged; ``ChangeGate`` is one."""

    def admit(self, frame: Frame, *, is_certain: bool = False) -> Frame | None:
        """Return the frame, or one in its place, if it is to be judged."""

    def forget(self) -> None:
        """Take the next frame for one that follows nothing."""


class CaptureThread:
    """Put a camera's frames into ``LatestFrame``, and reopen the camera whenever it fails.

    Attributes:
        frames_captured: frames that arrived, also those that were dropped later.
        reconnects: times that the camera was opened again.
        pictures_skipped: pictures of a recording that could not be read.
        beat_s: monotonic time of the thread's last turn, for the watchdog.
        frame_size: width and height of the newest frame, px; None before the first.
        failure: why a recording could not be read to its end; the slot is then closed.
        refusal: what the camera can never do of what is configured; the slot is then closed.
    """

    def __init__(  # noqa: PLR0913  # each is a part, by name
        self,
        config: CameraConfig,
        latest: LatestFrame,
        *,
        is_held: Callable[[], bool] = lambda: False,
        on_state: Callable[[CameraState], None] | None = None,
        view: View | None = None,
        gate: FrameGate | None = None,
    ) -> None:
        """Check the source without touching it, and that its password can be read.

        Args:
            config: of the camera.
            latest: takes the newest frame.
            is_held: whether no frames are inspected now: then a recording waits, and one frame a second of a
                live camera is decoded.
            on_state: called with each new state.
            view: of the pictures, which may have been made for one size.
            gate: decides which frames are judged; None admits all.

        Raises:
            CameraError: the source can never be opened.
        """
        self._config = config
        self._latest = latest
        self._is_held = is_held
        self._on_state = on_state
        self._source = sign_in(config)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._reader: CameraReader | None = None
        self._hung: list[CameraReader] = []
        self._frozen = FrozenStreamDetector(config.frozen_after_ms, view)
        self._view = view
        self._gate = gate
        self._thread = threading.Thread(target=self._supervise, name="capture", daemon=True)
        self._state = CameraState(CameraCondition.STARTING, "not opened yet", datetime.now(timezone.utc))
        self._controls = _make_controls(config)
        self.frames_captured = 0
        self.reconnects = 0
        self.pictures_skipped = 0
        self.beat_s = time.monotonic()
        self.frame_size: tuple[int, int] | None = None
        self._has_own_view = False
        self.failure: str | None = None
        self.refusal: str | None = None

    @property
    def state(self) -> CameraState:
        """Return the condition of the camera, for ``status``."""
        if self._controls is None:
            return self._state
        return replace(self._state, controls=self._controls.report)

    def __enter__(self) -> CaptureThread:  # noqa: PYI034  Self needs Python 3.11
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def camera_view(self) -> CameraView | None:
        """What is judged of the newest frame, in numbers.

        None before the first frame, where it cannot be framed, and of a recording that is judged as it is.
        """
        size, view = self.frame_size, self._view
        if size is None or (view is None and not self._source.live):
            return None
        view = view or View(ViewSettings())
        return None if view.misfit(*size) else view.framing(*size).numbers

    def start(self) -> None:
        """Start the thread, which waits for a live camera that is absent.

        Raises:
            CameraError: a recording does not exist or holds no pictures.
        """
        if not self._source.live:
            self._reader = self._new_reader(open_camera(self._config, stop=self._stop))
        self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Stop, close the slot and wait at most ``timeout_s``; a read that hangs is abandoned."""
        self._stop.set()
        self._latest.close()
        reader = self._reader
        if reader is not None:
            reader.stop.set()
        deadline_s = time.monotonic() + timeout_s
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if reader is not None:
            reader.done.wait(max(0.0, deadline_s - time.monotonic()))
        self._set_state(CameraCondition.ENDED, "the node stops")

    def _supervise(self) -> None:
        retry_s = FIRST_RETRY_S
        while not self._stop.is_set():
            self.beat_s = time.monotonic()
            reader = self._reader or self._new_reader()
            with self._lock:
                self._reader = reader
            reader.start()
            self._watch(reader)
            if self._stop.is_set() or self._end_if_over(reader):
                break
            if reader.steady:
                retry_s = FIRST_RETRY_S
            self._stop.wait(retry_s)
            retry_s = min(2 * retry_s, MAX_RETRY_S)
            self._wait_for_hung_readers()
            self.reconnects += 1
            with self._lock:
                self._reader = None

    def _new_reader(self, camera: Camera | None = None) -> CameraReader:
        if self._gate is not None:
            self._gate.forget()
        return CameraReader(
            self._config,
            self._deliver,
            is_held=self._is_held,
            camera=camera,
            first_frame_id=self.frames_captured,
            controls=self._controls,
        )

    def _end_if_over(self, reader: CameraReader) -> bool:
        """Close the slot if no further frame will ever come; tell whether that is so."""
        if reader.refused:
            self.refusal = reader.error
            self._set_state(CameraCondition.ENDED, str(reader.error))
            self._latest.close()
            return True
        if self._source.live or not (reader.ended or reader.error):
            return False
        self.pictures_skipped = reader.skipped
        self.failure = reader.error
        text = reader.error or f"{self._source.name} was read to its end"
        self._set_state(CameraCondition.ENDED, _with(text, reader.omissions))
        self._latest.close()
        return True

    def _watch(self, reader: CameraReader) -> None:
        """Wait until the reader has ended, or abandon it because it hangs."""
        limit_s = self._config.timeout_ms / 1000 + _HUNG_GRACE_S
        if self._source.address.lower().startswith("http"):  # a snapshot waits before it asks
            limit_s += self._config.snapshot_interval_s
        while not reader.done.wait(_POLL_S):
            self.beat_s = time.monotonic()
            if self._stop.is_set():
                return
            # A recording may be waiting for its frame rate or for a slow consumer.
            if self._source.live and time.monotonic() - reader.progress_s >= limit_s:
                self._abandon(reader, limit_s)
                return
        if self._source.live and reader.error is not None and not reader.refused:
            found = CameraCondition.SILENT if reader.opened else CameraCondition.ABSENT
            self._set_state(found, f"{reader.error}; trying again")

    def _abandon(self, reader: CameraReader, after_s: float) -> None:
        with self._lock:
            self._reader = None
        reader.stop.set()
        self._hung.append(reader)
        what = "reading hangs" if reader.opened else "opening hangs"
        condition = CameraCondition.SILENT if reader.opened else CameraCondition.ABSENT
        self._set_state(condition, f"{self._source.name}: {what} for {after_s * 1000:.0f} ms; trying again")

    def _wait_for_hung_readers(self) -> None:
        self._hung = [reader for reader in self._hung if not reader.done.is_set()]
        while len(self._hung) >= MAX_HUNG_READERS and not self._stop.wait(_POLL_S):
            self.beat_s = time.monotonic()
            self._hung = [reader for reader in self._hung if not reader.done.is_set()]

    def _deliver(self, reader: CameraReader, frame: Frame | None) -> None:
        """Put a reader's frame into the slot, unless it was skipped or the reader was abandoned."""
        with self._lock:
            if reader is not self._reader:
                return
            self.frames_captured += 1
            self.pictures_skipped = reader.skipped
        if frame is None:
            return
        self.frame_size = frame.pixels.shape[1], frame.pixels.shape[0]
        self._has_own_view = frame.view is not None
        if self._source.live:
            self._hand_over_live(frame)
            return
        self._note_frame(_with("pictures are read", reader.omissions))
        if self._config.pace == "real-time":
            self._put_in_time(frame, reader.patience_s)
        elif (admitted := self._admit(frame, is_certain=True)) is not None:
            while not reader.stop.is_set() and not self._stop.is_set() and not self._latest.closed:
                if self._latest.put_when_empty(admitted, _POLL_S):
                    break
        while self._is_held() and not self._stop.wait(_POLL_S):
            pass

    def _put_in_time(self, frame: Frame, patience_s: float) -> None:
        """Put a recording's frame once the slot is empty, or after ``patience_s`` in place of the one there.

        So a moment's delay of whoever takes frames loses none, as with a camera whose driver keeps some.
        """
        admitted = self._admit(frame)
        if admitted is not None and not (
            patience_s > 0 and self._latest.put_when_empty(admitted, patience_s)
        ):
            self._latest.put(admitted)

    def _hand_over_live(self, frame: Frame) -> None:
        if self._frozen.sees_repetition(frame):
            text = f"{self._source.name}: the same picture for {self._frozen.repeated_ms(frame):.0f} ms"
            if self._state.condition is not CameraCondition.FROZEN:
                self._set_state(CameraCondition.FROZEN, text)
            frame = replace(frame, frozen=True)
        else:
            self._note_frame("frames arrive")
        if (admitted := self._admit(frame)) is not None:
            self._latest.put(admitted)

    def _admit(self, frame: Frame, *, is_certain: bool = False) -> Frame | None:
        return frame if self._gate is None else self._gate.admit(frame, is_certain=is_certain)

    def _note_frame(self, text: str) -> None:
        """Say that frames arrive, or that the view was made for frames of another size."""
        view = None if self._has_own_view else self._view
        if view is None or self.frame_size is None:
            self._set_state(CameraCondition.STREAMING, text)
        elif misfit := view.misfit(*self.frame_size):
            self._set_state(CameraCondition.MISFIT, f"nothing is judged: {misfit}")
        else:
            self._set_state(CameraCondition.STREAMING, _with(text, view.describe(*self.frame_size)))

    def _set_state(self, condition: CameraCondition, text: str) -> None:
        text = text.encode(
            "utf-8", "backslashreplace"
        ).decode()  # a file's name may hold bytes that are no text
        old = self._state
        if (old.condition, old.text) == (condition, text):
            return
        since = old.since if old.condition is condition else datetime.now(timezone.utc)
        self._state = CameraState(condition, text, since)
        if old.condition is not condition:
            failed = self.failure or self.refusal
            expected = condition in {CameraCondition.STREAMING, CameraCondition.ENDED} and not failed
            level = logging.INFO if expected else logging.WARNING
            _log.log(level, "camera %s: %s", condition.value, text)
        if self._on_state is not None:
            self._on_state(self.state)


def _with(text: str, omissions: str) -> str:
    return f"{text}; {omissions}" if omissions else text


def _make_controls(config: CameraConfig) -> CameraControls | None:
    """Return what locks the camera's exposure, gain, white balance and focus, if any is configured."""
    if not (wishes := read_wishes(config)):
        return None
    from edge_node.camera.controls.session import CameraControls  # lazily: most cameras run by themselves

    return CameraControls(wishes)
