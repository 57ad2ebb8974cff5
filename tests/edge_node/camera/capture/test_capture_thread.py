"""Streams that fail, over real sockets: each fault ends in its state in time, and is recovered from."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
from pathlib import Path

import pytest

from edge_node.camera.capture.capture_thread import CameraCondition, CaptureThread
from edge_node.camera.latest import LatestFrame
from edge_node.config.sections import CameraConfig
from tests.support.mjpeg_server import Behaviour, MjpegServer
from tests.support.pipeline_server import PipelineServer
from tests.support.processes import free_port, wait_for
from tests.support.rtsp_server import RtspServer

TIMEOUT_MS = 700
PIPELINE_TIMEOUT_MS = 3000  # gst-launch-1.0 has to start in it
IN_TIME_S = TIMEOUT_MS / 1000 + 2.0  # what issue and operator are promised
RECOVERY_S = 15.0  # the longest retry delay, an open, and a busy machine
STREAMING, SILENT, ABSENT = CameraCondition.STREAMING, CameraCondition.SILENT, CameraCondition.ABSENT


@pytest.fixture(params=[MjpegServer, RtspServer])
def server(request):
    """Return a stream server that works."""
    running = request.param()
    yield running
    running.close()


class Watched:
    """A capture thread, what it handed over, and every condition it was in."""

    def __init__(self, url, timeout_ms=TIMEOUT_MS):
        self.latest = LatestFrame()
        self.conditions = []
        self.hold = threading.Event()
        config = CameraConfig(source=url, timeout_ms=timeout_ms, frozen_after_ms=400)
        self.capture = CaptureThread(config, self.latest, is_held=self.hold.is_set, on_state=self._note)
        self.capture.start()

    def _note(self, state):
        self.conditions.append(state.condition)

    @property
    def condition(self):
        """The present condition."""
        return self.capture.state.condition

    def becomes(self, *wanted, timeout_s=RECOVERY_S):
        """Wait until the condition is one of ``wanted``."""
        wait_for(lambda: self.condition in wanted, timeout_s, f"camera {wanted} ({self.capture.state})")


@pytest.fixture
def watched(server):
    """Return a capture thread that streams from ``server``."""
    watched = Watched(server.url)
    watched.becomes(STREAMING)
    yield watched
    watched.capture.stop()


def test_a_held_camera_is_skimmed_and_its_faults_are_seen(server, watched):
    """While nobody decides, frames count but few are decoded; silence is noticed; let go, the next is new."""
    capture, latest = watched.capture, watched.latest
    watched.hold.set()
    latest.take(0)
    begun, looked = capture.frames_captured, 0
    while capture.frames_captured < begun + 60:
        looked += latest.take(0.05)[0] is not None
    assert 1 <= looked <= 30
    server.behaviour = Behaviour.STALL
    watched.becomes(SILENT, ABSENT, timeout_s=IN_TIME_S)
    server.behaviour = Behaviour.STREAM
    watched.becomes(STREAMING)
    seen = capture.frames_captured
    wait_for(lambda: capture.frames_captured > seen + 10, RECOVERY_S, "frames that pass")
    latest.take(0)
    counted = capture.frames_captured
    watched.hold.clear()
    assert latest.take(RECOVERY_S)[0].frame_id >= counted - 1


def test_a_held_camera_that_repeats_itself_is_frozen(server, watched):
    """The frame a second that is looked at is enough to tell."""
    watched.hold.set()
    server.behaviour = Behaviour.REPEAT
    watched.becomes(CameraCondition.FROZEN)


@pytest.mark.parametrize(
    ("fault", "states"),
    [
        (Behaviour.STALL, {SILENT, ABSENT}),
        (Behaviour.GARBAGE, {SILENT, ABSENT}),
        (Behaviour.HANG_UP, {SILENT, ABSENT}),
        (Behaviour.REPEAT, {CameraCondition.FROZEN}),
    ],
)
def test_a_fault_is_seen_in_time_and_recovered_from(server, watched, fault, states):
    """Stalled in a frame, garbage, hung up, repeating: the state says so in time, then streams."""
    server.behaviour = fault
    watched.becomes(*states, timeout_s=IN_TIME_S)
    server.behaviour = Behaviour.STREAM
    watched.becomes(STREAMING)


def test_a_killed_server_is_seen_and_its_return_too(server, watched):
    """The connection drops and the port refuses: silent or absent in time; streaming once it is back."""
    server.close()
    watched.becomes(SILENT, ABSENT, timeout_s=IN_TIME_S)
    again = type(server)(server.port)
    try:
        watched.becomes(STREAMING)
        assert watched.capture.reconnects >= 1
    finally:
        again.close()


@pytest.mark.parametrize("fault", [Behaviour.NOT_FOUND, Behaviour.MUTE])
def test_a_server_without_the_stream_is_absent_until_it_has_it(server, fault):
    """A 404, and a server that accepts but never answers, are ``absent``, then streaming."""
    server.behaviour = fault
    watched = Watched(server.url)
    try:
        watched.becomes(ABSENT, timeout_s=IN_TIME_S)
        server.behaviour = Behaviour.STREAM
        watched.becomes(STREAMING)
    finally:
        watched.capture.stop()


def test_a_change_of_resolution_is_survived(server, watched):
    """Frames go on after the camera switched its size; no state but streaming is passed."""
    server.size = (640, 480)
    before = watched.capture.frames_captured
    wait_for(lambda: watched.capture.frames_captured > before + 20, what="frames after the change")
    assert set(watched.conditions) == {STREAMING}
    wait_for(lambda: watched.latest.take(1.0)[0].pixels.shape == (480, 640, 3), what="the new size")


def test_frames_of_a_frozen_stream_say_so(server, watched):
    """Each frame of a stream that repeats itself is marked, and none after it moves again."""
    server.behaviour = Behaviour.REPEAT
    watched.becomes(CameraCondition.FROZEN)
    watched.latest.take(0)
    assert watched.latest.take(1.0)[0].frozen
    server.behaviour = Behaviour.STREAM
    watched.becomes(STREAMING)
    watched.latest.take(0)
    assert not watched.latest.take(1.0)[0].frozen


def test_frame_ids_go_on_over_reconnects(server, watched):
    """No id is given twice, however often the camera is opened."""
    ids = []
    server.behaviour = Behaviour.HANG_UP
    deadline_s = time.monotonic() + RECOVERY_S
    while watched.capture.reconnects < 2 and time.monotonic() < deadline_s:
        frame, _ = watched.latest.take(0.2)
        if frame is not None:
            ids.append(frame.frame_id)
    assert watched.capture.reconnects >= 2
    assert ids == sorted(set(ids))


def test_a_stop_does_not_wait_for_a_read_that_hangs():
    """Stopping takes about its own timeout while the camera says nothing."""
    server = MjpegServer()
    server.behaviour = Behaviour.MUTE
    capture = CaptureThread(CameraConfig(source=server.url, timeout_ms=60_000), LatestFrame())
    capture.start()
    wait_for(lambda: server.connections, what="the connection")
    started = time.monotonic()
    capture.stop(timeout_s=1.0)
    assert time.monotonic() - started < 1.5
    server.close()


def test_a_missing_device_is_absent_and_waited_for():
    """A camera that is not plugged in is declared absent at once and tried again; the node runs on."""
    watched = Watched("/dev/video_that_is_not_there")
    try:
        watched.becomes(ABSENT, timeout_s=1.0)
        assert "no such device" in watched.capture.state.text
        wait_for(lambda: watched.capture.reconnects >= 2, what="a second attempt")
    finally:
        watched.capture.stop()


def test_a_device_node_that_comes_and_goes_is_noticed():
    """Missing, there (but no camera), gone again: the state's words follow, without a restart."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        node = Path(folder) / "video0"
        watched = Watched(str(node))

        def says(words):
            wait_for(lambda: words in watched.capture.state.text, RECOVERY_S, words)

        try:
            says("no such device")
            node.symlink_to("/dev/null")
            says("cannot be opened")
            node.unlink()
            says("no such device")
            assert set(watched.conditions) == {ABSENT}
        finally:
            watched.capture.stop()


@pytest.mark.skipif(
    not shutil.which("gst-launch-1.0"), reason="gst-launch-1.0 (apt: gstreamer1.0-tools) is not installed"
)
def test_a_pipeline_whose_source_goes_away_streams_again_when_it_is_back():
    """The peer is killed: silent, in time; it comes back on its port: streaming, with ids that go on."""
    server = PipelineServer()
    watched = Watched(server.url, timeout_ms=PIPELINE_TIMEOUT_MS)
    try:
        watched.becomes(STREAMING)
        server.close()
        watched.becomes(SILENT, ABSENT, timeout_s=PIPELINE_TIMEOUT_MS / 1000 + 2.0)
        seen = watched.capture.frames_captured
        server = PipelineServer(server.port)
        watched.becomes(STREAMING)
        watched.latest.take(0)
        assert watched.latest.take(RECOVERY_S)[0].frame_id >= seen
    finally:
        watched.capture.stop()
        server.close()


def test_a_password_reaches_neither_log_nor_state_nor_frame(caplog):
    """With a password in the URL, nothing that leaves the camera room holds it."""
    caplog.set_level(logging.DEBUG)
    port = free_port()
    watched = Watched(f"http://inspector:s3cret@127.0.0.1:{port}/stream")
    watched.becomes(ABSENT)
    server = MjpegServer(port)
    try:
        watched.becomes(STREAMING)
        frame, _ = watched.latest.take(2.0)
        assert frame.source == f"http://127.0.0.1:{port}/stream"
        assert "s3cret" not in caplog.text + watched.capture.state.text + frame.source
    finally:
        watched.capture.stop()
        server.close()
