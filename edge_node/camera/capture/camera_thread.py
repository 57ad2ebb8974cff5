"""Read one opened camera in a thread, which can be abandoned when a read never returns."""

from __future__ import annotations

import logging
import math
import threading
import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

from edge_node.camera.capture.opening import open_camera
from edge_node.camera.controls.control import ControlRefusedError
from edge_node.camera.source import parse_source
from edge_node.errors import CameraError

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.camera.capture.opening import Camera
    from edge_node.camera.controls.session import CameraControls
    from edge_node.camera.frame import Frame
    from edge_node.config.sections import CameraConfig

# While no frames are decided, one is read so often, to detect a frozen camera.
HELD_READ_INTERVAL_S = 1.0
# A camera that gave frames for so long before it failed is retried with the shortest delay again.
STEADY_AFTER_S = 10.0

_log = logging.getLogger(__name__)


class CameraReader:
    """Read one camera in a thread.

    Attributes:
        stop: set it to end the thread after its current read.
        done: set when the thread has ended.
        opened: the camera was opened.
        ended: the recording is over.
        error: why the camera failed, in a sentence.
        refused: the camera answered that it can never do what is configured.
        progress_s: monotonic time of the last frame, or of the start.
        skipped: pictures of a recording that could not be read.
        omissions: how much of a recording was not read, as a part of a sentence.
        patience_s: how long a recording's last picture may wait for whoever takes it.
    """

    def __init__(  # noqa: PLR0913  each by name
        self,
        config: CameraConfig,
        on_frame: Callable[[CameraReader, Frame | None], None],
        *,
        is_held: Callable[[], bool] = lambda: False,
        camera: Camera | None = None,
        first_frame_id: int = 0,
        controls: CameraControls | None = None,
    ) -> None:
        """Prepare to read ``camera``, or the one that ``config`` names, opened in the thread.

        Args:
            config: of the camera.
            on_frame: called with each frame, or with None for one that was skipped.
            is_held: whether no frames are decided; then a live camera's frames are skipped but for one a
                second, so that its state is known and the next frame is new.
            camera: already open.
            first_frame_id: of the first frame, where ``camera`` is not given.
            controls: brings the camera's exposure, gain, white balance and focus to what is configured.
        """
        self.stop = threading.Event()
        self.done = threading.Event()
        self.ended = False
        self.opened = False
        self.skipped = 0
        self.omissions = ""
        self.patience_s = 0.0
        self.error: str | None = None
        self.refused = False
        self.progress_s = time.monotonic()
        self._first_frame_s: float | None = None
        self._on_frame = on_frame
        self._is_held = is_held
        self._config = config
        self._camera = camera
        self._first_frame_id = first_frame_id
        self._controls = controls

    @property
    def steady(self) -> bool:
        """Whether it gave frames for ``STEADY_AFTER_S``."""
        first_s = self._first_frame_s
        return first_s is not None and self.progress_s - first_s >= STEADY_AFTER_S

    def start(self) -> None:
        """Start the thread."""
        self.progress_s = time.monotonic()
        threading.Thread(target=self._run, name="camera", daemon=True).start()

    def _run(self) -> None:
        camera = self._camera
        try:
            if camera is None:
                camera = open_camera(self._config, stop=self.stop, first_frame_id=self._first_frame_id)
            self._read_all(camera)
        except CameraError as err:
            self.error = str(err)
            self.refused = isinstance(err, ControlRefusedError)
        except Exception as err:  # noqa: BLE001  # no driver fault may end capturing for ever
            # Neither log nor status repeat the exception's text: a library puts the address in it.
            self.error = f"unexpected failure ({type(err).__name__})"
            where = "".join(traceback.format_tb(err.__traceback__))
            _log.error("camera %s: %s\n%s", parse_source(self._config.source).name, self.error, where)
        finally:
            if camera is not None:
                with suppress(Exception):  # a camera that cannot be closed is abandoned
                    camera.close()
            self.done.set()

    def _read_all(self, camera: Camera) -> None:
        self.opened = True
        self.progress_s = time.monotonic()
        device = getattr(camera, "controls", None)  # only some cameras have any
        session = self._controls.open(device) if self._controls is not None and device is not None else None
        read_s = -math.inf
        while not self.stop.is_set():
            if camera.live and self._is_held() and self.progress_s - read_s < HELD_READ_INTERVAL_S:
                if not camera.skip():
                    return
                self.progress_s = time.monotonic()
                if session is not None:
                    session.look(None, self.progress_s)
                self._on_frame(self, None)
                continue
            try:
                frame = camera.read()
            finally:
                self.skipped = getattr(camera, "skipped", 0)  # only recordings skip pictures
                self.omissions = getattr(camera, "omissions", "")
                self.patience_s = getattr(camera, "patience_s", 0.0)
            if frame is None:
                self.ended = not camera.live and not self.stop.is_set()
                return
            read_s = self.progress_s = time.monotonic()
            self._first_frame_s = self._first_frame_s or self.progress_s
            is_set = session is None or session.look(frame.pixels, self.progress_s)
            self._on_frame(self, frame if is_set else None)
