"""HTTP addresses of cameras: streams, snapshots, pages, logins, redirects, and what each failure says."""

import socket
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import cv2
import pytest

from edge_node.camera.backends.mjpeg import MjpegCamera
from edge_node.camera.backends.snapshot import SnapshotCamera
from edge_node.camera.capture.opening import open_camera
from edge_node.config.sections import CameraConfig
from edge_node.errors import CameraError
from tests.support.camera_login import SECRET, CameraLogin
from tests.support.certificates import Authority
from tests.support.mjpeg_server import Behaviour, MjpegServer, moving_picture
from tests.support.processes import free_port


@pytest.fixture
def server():
    """Return a camera's web server."""
    running = MjpegServer()
    yield running
    running.close()


def opened(url, **keys):
    """Open an address, read a frame and return it with the camera, closed."""
    camera = open_camera(CameraConfig(source=url, timeout_ms=2000, **keys), stop=threading.Event())
    try:
        return camera, camera.read()
    finally:
        camera.close()


@contextmanager
def web_server(answer):
    """Serve with the function ``answer(handler)`` and yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self)

        def log_message(self, *args):
            pass

    running = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield running.server_address[1]
    finally:
        running.shutdown()
        running.server_close()


@pytest.mark.parametrize("behaviour", [Behaviour.STREAM, Behaviour.SNAPSHOT])
@pytest.mark.parametrize("schemes", [("Basic",), ("MD5",), ("SHA-256", "MD5", "Basic")])
def test_streams_and_snapshots_are_read_with_a_login(server, password_file, schemes, behaviour):
    """Basic and Digest by MD5 and SHA-256 open MJPEG streams and snapshots, without a wrong try."""
    server.behaviour, server.login = behaviour, CameraLogin("admin", SECRET, *schemes)
    camera, frame = opened(f"{server.url}?key=q", username="admin", password_file=password_file)
    assert isinstance(camera, MjpegCamera if behaviour is Behaviour.STREAM else SnapshotCamera)
    assert frame.pixels.shape == (240, 320, 3)
    assert frame.source == server.url
    assert server.login.refused == 0


def test_failures_say_what_is_wrong_each_in_its_own_sentence(server, password_file):
    """Without and with a wrong password, a missing address, a page, a closed port, another protocol."""
    said = []
    for prepare, url, keys in (
        ("login", server.url, {}),
        ("login", server.url, {"username": "guest", "password_file": password_file}),
        (Behaviour.NOT_FOUND, server.url, {}),
        (Behaviour.PAGE, server.url, {}),
        (None, f"http://127.0.0.1:{free_port()}/x.cgi", {}),
        (None, server.url.replace("http:", "https:"), {}),
    ):
        server.login = CameraLogin("admin", SECRET, "MD5") if prepare == "login" else None
        server.behaviour = prepare if isinstance(prepare, Behaviour) else Behaviour.STREAM
        with pytest.raises(CameraError) as caught:
            opened(f"{url}?pwd=secret9", **keys)
        said.append(str(caught.value).partition(": ")[2])
    for text, words in zip(
        said,
        (
            "asks for a user name and a password (401)",
            "refuses the user name or the password (401)",
            "has nothing at this address (404)",
            "answers with a page (text/html)",
            "is closed",
            "speaks no TLS",
        ),
        strict=True,
    ):
        assert words in text
    assert not any("secret9" in text or SECRET in text for text in said)


def test_a_certificate_that_nobody_trusts_is_told(tmp_path):
    """A camera with a certificate of its own is refused with what to do about it."""
    certificate, key = Authority(tmp_path).certificate("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    running = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    running.socket = context.wrap_socket(running.socket, server_side=True)
    threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    try:
        with pytest.raises(CameraError, match="signed by nobody whom this robot trusts"):
            opened(f"https://127.0.0.1:{running.server_address[1]}/snap.jpg")
    finally:
        running.shutdown()
        running.server_close()


def test_a_redirect_takes_no_password_to_another_host(server, password_file):
    """A camera may send its viewers elsewhere, but their password stays with its host."""
    server.behaviour, server.login = Behaviour.SNAPSHOT, CameraLogin("admin", SECRET, "Basic")

    def redirect(handler):
        handler.send_response(302)
        handler.send_header("Location", f"http://{to}:{server.port}/snap.jpg")
        handler.end_headers()

    with web_server(redirect) as port:
        to = "127.0.0.1"
        keys = {"username": "admin", "password_file": password_file}
        assert opened(f"http://127.0.0.1:{port}/snap.jpg", **keys)[1].pixels.shape == (240, 320, 3)
        to = "localhost"
        with pytest.raises(CameraError, match=r"leads to another host, which asks for a login \(401\)"):
            opened(f"http://127.0.0.1:{port}/snap.jpg", **keys)
    assert server.login.refused == 0


def test_a_picture_without_a_type_is_a_snapshot():
    """Small cameras call their picture application/octet-stream, or nothing; its first bytes tell."""

    def answer(handler):
        handler.send_response(200)
        if "typed" in handler.path:
            handler.send_header("Content-Type", "application/octet-stream")
        handler.end_headers()
        handler.wfile.write(cv2.imencode(".jpg", moving_picture((64, 48), 1))[1].tobytes())

    with web_server(answer) as port:
        for name in ("typed", "plain"):
            camera, frame = opened(f"http://127.0.0.1:{port}/{name}")
            assert isinstance(camera, SnapshotCamera)
            assert frame.pixels.shape == (48, 64, 3)


@pytest.mark.parametrize(
    "declared",
    ["image/jpeg", "multipart/x-mixed-replace", "multipart/x-mixed-replace; boundary=other", "text/plain"],
)
def test_a_stream_whose_type_is_declared_wrong_is_still_a_stream(declared):
    """Firmware names a picture's type, no boundary or another; the first line of the content tells."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", declared)
        handler.end_headers()
        for count in range(3):
            content = cv2.imencode(".jpg", moving_picture((64, 48), count))[1].tobytes()
            handler.wfile.write(b"--xx\r\nContent-Type: image/jpeg\r\n\r\n" + content + b"\r\n")
        handler.wfile.write(b"--xx--\r\n")

    with web_server(answer) as port:
        camera, frame = opened(f"http://127.0.0.1:{port}/")
    assert isinstance(camera, MjpegCamera)
    assert frame.pixels.shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("status", "headers", "content", "words"),
    [
        (
            302,
            {"Location": "http://admin:secret9@127.0.0.1:{closed}/"},
            b"",
            "moved the stream elsewhere (302",
        ),
        (302, {"Location": "http://127.0.0.1:secret9/"}, b"", "moved the stream elsewhere (302"),
        (302, {"Location": "ftp://127.0.0.1/secret9"}, b"", "moved the stream elsewhere (302"),
        (
            302,
            {"Location": "http://127.0.0.1:{closed}/secret9"},
            b"",
            "leads elsewhere, and there: port {closed}",
        ),
        (204, {}, b"", "answers, but sends nothing (204)"),
        (
            200,
            {"Content-Type": "multipart/x-mixed-replace; boundary=x"},
            b"--x\r\nContent-Type: text/html\r\n\r\n<p>secret9\r\n" * 3,
            "stopped giving frames",
        ),
        (
            200,
            {"Content-Type": "multipart/x-mixed-replace; boundary=x"},
            b"--x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
            "stopped giving frames",
        ),
    ],
)
def test_odd_answers_are_told_by_what_is_wrong_with_them(status, headers, content, words):
    """Where a redirect leads, that nothing comes, or parts without pictures; nothing of them is repeated."""
    closed = free_port()

    def answer(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value.format(closed=closed))
        handler.end_headers()
        handler.wfile.write(content)

    with web_server(answer) as port, pytest.raises(CameraError) as caught:
        opened(f"http://127.0.0.1:{port}/")
    assert words.format(closed=closed) in str(caught.value)
    assert "secret9" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["Basic", "MD5"])
def test_a_login_may_have_letters_of_any_language(server, tmp_path, scheme):
    """What Latin-1 cannot write travels as UTF-8 instead of being told as another protocol."""
    (tmp_path / "password").write_text("\u043f\u0430\u0440\u043e\u043b\u044c")
    server.behaviour = Behaviour.SNAPSHOT
    server.login = CameraLogin(
        "\u0430\u0434\u043c\u0438\u043d", "\u043f\u0430\u0440\u043e\u043b\u044c", scheme
    )
    keys = {"username": "\u0430\u0434\u043c\u0438\u043d", "password_file": str(tmp_path / "password")}
    assert opened(server.url, **keys)[1].pixels.shape == (240, 320, 3)


def test_a_login_that_only_ffmpeg_would_have_to_give_is_told(server, password_file):
    """What is no JPEG goes to FFmpeg, which cannot answer every Digest: that is the cause, not the video."""
    server.login, server.behaviour = CameraLogin("admin", SECRET, "SHA-256"), Behaviour.TRANSPORT_STREAM
    with pytest.raises(CameraError, match="Digest with SHA-256, which FFmpeg cannot answer"):
        opened(server.url, username="admin", password_file=password_file)


def test_a_port_that_is_open_and_mute_is_told_from_a_host_that_is_not_there():
    """Whether the connection came about tells a hung camera from a wrong address."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        config = CameraConfig(source=f"http://127.0.0.1:{mute.getsockname()[1]}/", timeout_ms=200)
        with pytest.raises(CameraError, match="takes the connection and does not answer"):
            open_camera(config, stop=threading.Event())
