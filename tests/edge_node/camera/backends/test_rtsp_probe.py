"""RTSP cameras that refuse: each cause in its own sentence, at once; UDP by a key; logins of every kind."""

import socket
import threading

import pytest

from edge_node.camera.backends.rtsp_probe import rtsp_cause
from edge_node.camera.capture.opening import open_camera
from edge_node.config.sections import CameraConfig
from edge_node.errors import CameraError
from tests.support.camera_login import SECRET, CameraLogin
from tests.support.mjpeg_server import Behaviour, MjpegServer
from tests.support.processes import free_port
from tests.support.rtsp_server import RtspServer

TIMEOUT_MS = 60_000  # longer than a test may take: what is told, is told before it


@pytest.fixture
def server():
    """Return an RTSP camera."""
    running = RtspServer()
    yield running
    running.close()


def opened(url, **keys):
    """Open the camera, read a frame and return it."""
    config = CameraConfig(source=url, timeout_ms=TIMEOUT_MS, **keys)
    camera = open_camera(config, stop=threading.Event())
    try:
        return camera.read()
    finally:
        camera.close()


def failure(url, **keys):
    """Return what is said of a camera that cannot be opened."""
    with pytest.raises(CameraError) as caught:
        opened(url, **keys)
    return str(caught.value)


def test_each_refusal_has_its_sentence_at_once(server, password_file):
    """Passwords, paths, transports, busy and closed ports are told apart long before the timeout."""
    login = {"username": "admin", "password_file": password_file}
    wrong = {"username": "guest", "password_file": password_file}
    said = {}

    def note(what, url=server.url, **keys):
        text = failure(f"{url}?pwd=secret9", **keys)
        assert "secret9" not in text
        assert SECRET not in text
        said[what] = text.partition(": ")[2]

    server.login = CameraLogin("admin", SECRET, "MD5", "Basic")
    note("asks for a user name and a password (401)")
    note("refuses the user name or the password (401)", **wrong)
    server.login = CameraLogin("admin", SECRET, "SHA-256")
    note("Digest with SHA-256, which FFmpeg cannot answer", **login)
    server.login = None
    server.transports = {"udp"}
    note('rtsp_transport = "udp"')
    server.transports = {"tcp"}
    note('rtsp_transport = "tcp"', rtsp_transport="udp")
    for status, words in (
        ("404 Not Found", "nothing at this address (404)"),
        ("403 Forbidden", "forbids it (403)"),
        ("453 Not Enough Bandwidth", "no bandwidth left (453)"),
        ("551 Option not supported", "cannot do it (551)"),
    ):
        server.statuses = {"DESCRIBE": status}
        note(words)
    note("is closed", f"rtsp://127.0.0.1:{free_port()}/live")
    note("no host is called", "rtsp://no-such-host.invalid/live")
    web = MjpegServer()
    note("speaks no TLS", f"rtsps://127.0.0.1:{web.port}/live")
    note("something else than RTSP", f"rtsp://127.0.0.1:{web.port}/live")
    web.close()
    assert all(words in text for words, text in said.items())
    assert len(set(said.values())) == len(said)


@pytest.mark.parametrize(
    "status", ["400 Bad Request", "406 Not Acceptable", "500 Internal Server Error", None]
)
def test_a_camera_of_one_transport_is_told_whatever_it_answers(server, status):
    """Without 461 the other transport is tried; None: it answers 200 and names the transport that it has."""
    server.transports, server.refusal_of_transport = {"udp"}, status
    assert 'set [camera] rtsp_transport = "udp"' in rtsp_cause(server.url, "tcp", 5.0)
    server.statuses = {"SETUP": status or "400 Bad Request"}
    assert "cannot do it" in rtsp_cause(server.url, "tcp", 5.0)


@pytest.mark.parametrize(
    ("method", "status", "words"),
    [
        ("DESCRIBE", "401 Unauthorized", "neither Basic nor Digest (401)"),
        ("DESCRIBE", "451 Parameter Not Understood", "cannot do it (451)"),
        ("PLAY", "503 Service Unavailable", "too busy (503)"),
        ("PLAY", "453 Not Enough Bandwidth", "no bandwidth left (453)"),
        ("DESCRIBE", "9" * 5000, "something else than RTSP"),
    ],
)
def test_every_step_of_the_conversation_is_judged(server, method, status, words):
    """A login that nobody can give is no wrong password, PLAY may be refused too, no number is too long."""
    server.statuses = {method: status}
    address = server.url.replace("//", "//admin:secret9@")
    assert words in rtsp_cause(address, "tcp", 5.0)


def test_a_description_without_pictures_is_no_open_stream(server):
    """FFmpeg opens MJPEG by its description alone; that no picture comes is told when the time is over."""
    server.behaviour = Behaviour.SILENT
    camera = open_camera(CameraConfig(source=server.url, timeout_ms=500), stop=threading.Event())
    with pytest.raises(CameraError, match="agrees to send, but no video comes within 500 ms"):
        camera.read()
    camera.close()


def test_a_camera_that_says_nothing_is_told_from_one_that_is_not_there(server):
    """A port that is open and mute is another cause than a host that does not answer."""
    server.behaviour = Behaviour.MUTE
    assert "takes the connection and does not answer" in rtsp_cause(server.url, "tcp", 0.3)
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = full.getsockname()[1]
    waiting = [socket.socket() for _ in range(4)]
    for one in waiting:  # a full queue drops what comes, as a host does that is not there
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", port))
    assert "does not answer: is the camera on" in rtsp_cause(f"rtsp://127.0.0.1:{port}/", "tcp", 0.3)
    for one in [full, *waiting]:
        one.close()


def test_a_camera_that_agrees_has_no_cause(server):
    """Where the camera would send, the failure is not its answer's."""
    server.login = CameraLogin("admin", "secret9", "MD5-sess")
    assert rtsp_cause(server.url.replace("//", "//admin:secret9@"), "tcp", 2.0) is None


@pytest.mark.parametrize("scheme", ["Basic", "MD5"])
def test_a_stream_over_udp_is_read_with_a_login_of_the_keys(server, password_file, scheme):
    """rtsp_transport = "udp" reads a camera that refuses TCP, username and password_file log in."""
    server.transports = {"udp"}
    server.login = CameraLogin("admin", SECRET, scheme)
    frame = opened(server.url, rtsp_transport="udp", username="admin", password_file=password_file)
    assert frame.pixels.shape == (240, 320, 3)
    assert frame.source == server.url
    assert server.login.refused == 0
