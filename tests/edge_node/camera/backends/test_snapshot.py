"""Addresses that give one picture for each request: polled at their pace, stamped when the answer begins."""

import threading
import time
import urllib.request

import pytest

from edge_node.camera.backends.snapshot import SnapshotCamera
from edge_node.camera.capture.capture_thread import CameraCondition, CaptureThread
from edge_node.camera.capture.opening import open_camera
from edge_node.camera.latest import LatestFrame
from edge_node.config.sections import CameraConfig
from edge_node.errors import CameraError
from tests.support.camera_login import CameraLogin
from tests.support.mjpeg_server import Behaviour, MjpegServer
from tests.support.processes import wait_for


@pytest.fixture
def server():
    """Return a camera that gives one picture for each request."""
    running = MjpegServer()
    running.behaviour = Behaviour.SNAPSHOT
    yield running
    running.close()


def open_on(server, fps, stop=None, **keys):
    """Return a camera that polls the server."""
    config = CameraConfig(source=server.url, fps=fps, timeout_ms=2000, **keys)
    return open_camera(config, stop=stop or threading.Event())


def test_each_request_is_a_frame_at_the_pace_of_fps(server):
    """No picture is thrown away: frames are as many as requests, numbered, different, 1 / fps apart."""
    camera = open_on(server, fps=20.0)
    frames = [camera.read() for _ in range(5)]
    camera.close()
    assert server.connections == 5
    assert [frame.frame_id for frame in frames] == list(range(5))
    assert len({frame.pixels.tobytes() for frame in frames}) == 5
    assert frames[-1].captured_at_ns - frames[0].captured_at_ns > 0.19e9


def test_a_skipped_picture_is_not_asked_for(server):
    """While nothing is inspected, time passes without requests, and numbers go on."""
    camera = open_on(server, fps=50.0)
    assert [camera.skip() for _ in range(3)] == [True] * 3
    assert server.connections == 1
    assert camera.read().frame_id == 3
    camera.close()


def test_a_digest_is_answered_ahead_and_anew_when_its_nonce_is_stale(server):
    """After the first picture each costs one request; a new nonce of the camera is no wrong password."""
    server.login = CameraLogin("admin", "secret9", "MD5")
    server.url = server.url.replace("//", "//admin:secret9@")
    camera = open_on(server, fps=50.0)
    for _ in range(3):
        camera.read()
    assert server.connections == 4  # one more to be asked
    server.login.forget()
    assert camera.read().frame_id == 3
    camera.close()


def test_a_slow_answer_makes_no_picture_younger(server):
    """A frame is as old as its response's beginning, however long its bytes take."""

    class Address:
        name = "http://cam/snap.jpg"

        def get(self):
            raise AssertionError("the first response is read")

    class Slow:
        def __init__(self, inner):
            self.inner = inner
            self.read_ns = []

        def read1(self, size):
            self.read_ns.append(time.monotonic_ns())
            return self.inner.read1(size)

        def __enter__(self):
            return self

        def __exit__(self, *_exception):
            self.inner.close()

    response = Slow(urllib.request.urlopen(server.url))  # noqa: S310
    frame = SnapshotCamera(Address(), CameraConfig(), response, stop=threading.Event()).read()
    assert frame.captured_at_ns <= response.read_ns[0]


def test_a_camera_that_gives_no_pictures_any_more_fails_with_its_cause(server):
    """What the camera answers while it is polled is told as when it is opened; a stop ends the waiting."""
    stop = threading.Event()
    camera = open_on(server, fps=50.0, stop=stop)
    camera.read()
    server.behaviour = Behaviour.NOT_FOUND
    with pytest.raises(CameraError, match="404"):
        camera.read()
    stop.set()
    assert camera.read() is None
    assert camera.skip() is False


def test_a_repeated_picture_is_frozen(server):
    """A camera that gives the same picture again and again is told as frozen, and not opened anew."""
    server.behaviour = Behaviour.FIXED_SNAPSHOT
    states = []
    config = CameraConfig(source=server.url, fps=20.0, frozen_after_ms=200)
    with CaptureThread(
        config, LatestFrame(), on_state=lambda state: states.append(state.condition)
    ) as capture:
        wait_for(lambda: CameraCondition.FROZEN in states, 10, "frozen")
    assert capture.reconnects == 0
    assert states[:2] == [CameraCondition.STREAMING, CameraCondition.FROZEN]


def test_a_slow_pace_is_no_hang(server):
    """Between two pictures more time may pass than a camera may be silent."""
    config = CameraConfig(source=server.url, fps=0.8, timeout_ms=100)
    with CaptureThread(config, LatestFrame()) as capture:
        wait_for(lambda: capture.frames_captured >= 2, 10, "a second picture")
    assert capture.reconnects == 0
