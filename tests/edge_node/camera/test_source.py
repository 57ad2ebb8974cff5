"""What may be written as a camera's source."""

import traceback

import pytest

from edge_node.camera.source import SourceKind, parse_source, recording_path
from edge_node.errors import CameraError


@pytest.mark.parametrize(
    ("text", "kind", "address"),
    [
        ("0", SourceKind.DEVICE, "/dev/video0"),
        ("/dev/video2", SourceKind.DEVICE, "/dev/video2"),
        ("/dev/v4l/by-id/usb-Cam-index0", SourceKind.DEVICE, "/dev/v4l/by-id/usb-Cam-index0"),
        ("rtsp://10.0.0.9/live", SourceKind.STREAM, "rtsp://10.0.0.9/live"),
        ("RTSPS://cam:322/live", SourceKind.STREAM, "RTSPS://cam:322/live"),
        ("https://cam/mjpg?fps=5", SourceKind.STREAM, "https://cam/mjpg?fps=5"),
        ("csi:1", SourceKind.CSI, "1"),
        ("gst: videotestsrc ! identity", SourceKind.GSTREAMER, "videotestsrc ! identity"),
        ("clips/pipe.mp4", SourceKind.RECORDING, "clips/pipe.mp4"),
        ("./a:b.mp4", SourceKind.RECORDING, "./a:b.mp4"),
    ],
)
def test_each_kind_is_recognised(text, kind, address):
    """Every kind of source of the README is told from the others by its text alone."""
    source = parse_source(text)
    assert (source.kind, source.address) == (kind, address)
    assert source.live is (kind is not SourceKind.RECORDING)


@pytest.mark.parametrize(
    "text",
    [
        "file:///etc/passwd",
        "concat:a.mp4|b.mp4",
        "exec:/bin/sh",
        "ftp://host/a.mp4",
        "data:text/plain;base64,AA",
        "rtsp://",
        "http:///path",
        "http://host:99999/",
        "http://ho st/",
        "http://cam..local/",
        f"rtsp://{'a' * 64}/",
        "csi:first",
        "csi:\u00b2",
        f"csi:{'9' * 5000}",
        "gst:",
        "",
        "  ",
        "a\0b",
    ],
)
def test_what_can_never_be_a_source_is_refused(text):
    """Schemes that are not allowed, and URLs without a host, are refused in one line."""
    with pytest.raises(CameraError) as caught:
        parse_source(text)
    assert "wanted" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://admin:se/secret9@10.0.0.5/live",
        "rtsp://admin:77/secret9@10.0.0.5/live",
        "rtsp://admin:77?secret9@10.0.0.5/live",
        "rtsp://admin:77#secret9@10.0.0.5/live",
        "rtsp://admin:p@ss/secret9@10.0.0.5/live",
        "http://admin:77/x?secret9=1@10.0.0.5/live",
        "rtsp://admin:[secret9@10.0.0.5/live",
        "rtsp://admin:\u2100secret9@10.0.0.5/live",
        "rtsp://admin:secret9@bad host/",
        "rtsp://admin:secret9@host\u200b/",
        "rtsp://10.0.0.5:secret9/",
        "rtsp:admin:secret9@10.0.0.5/live",
        "rtsp:/admin:secret9@10.0.0.5/live",
        "rtsp://admin:secret9@/live",
        "admin:secret9@10.0.0.5/live",
        "secret9@cam.local/live",
        "//admin:secret9@10.0.0.5/live",
        " rtsp://admin:secret9@10.0.0.5/live",
        "'rtsp://admin:secret9@10.0.0.5/live'",
        "10.0.0.5/live?pwd=secret9",
        "/live?pwd=secret9",
        "secret9://cam/live",
        "ftp://admin:secret9@cam/live",
        "csi:secret9",
    ],
)
def test_an_address_that_cannot_be_read_is_never_repeated(text):
    """Where nobody can tell the password from the host, the sentence shows neither and says what to write."""
    with pytest.raises(CameraError, match="wanted") as caught:
        parse_source(text)
    assert "secret9" not in str(caught.value)
    assert "77" not in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    assert "secret9" not in shown.replace(f'"{text}"', "")
    if "/secret9@" in text:
        assert "%2F" in str(caught.value)


def test_a_query_may_hold_an_at_sign_behind_a_host_that_is_one():
    """``?mail=a@b`` behind an address is no user part, and stays usable."""
    assert parse_source("http://u:p@10.0.0.5/video?mail=a@b.org").name == "http://10.0.0.5/video"


def test_a_password_is_kept_for_the_camera_and_shown_nowhere():
    """Backends get the password, escaped for FFmpeg; neither the name nor the object's text has it."""
    source = parse_source("rtsp://admin:se%2Fcr%et9@10.0.0.5/live")
    assert source.address == "rtsp://admin:se%2Fcr%25et9@10.0.0.5/live"
    assert source.has_login
    assert repr(source) == (
        "Source(kind=<SourceKind.STREAM: 'stream'>, name='rtsp://10.0.0.5/live', has_login=True)"
    )
    given = parse_source("rtsp://10.0.0.5/live").with_login("a:b", "p@ss/w")
    assert given.address == "rtsp://a%3Ab:p%40ss%2Fw@10.0.0.5/live"


def test_a_camera_is_no_recording(tmp_path):
    """Commands that read recordings refuse a camera by its harmless name; a file that is there is one."""
    with pytest.raises(CameraError, match=r"rtsp://cam/live: a camera; wanted a recording"):
        recording_path("rtsp://admin:secret9@cam/live")
    with pytest.raises(CameraError) as caught:
        recording_path("rtsp:/admin:secret9@cam/live")
    assert "secret9" not in str(caught.value)
    odd = tmp_path / "a:b@c?d=e.mp4"
    odd.touch()
    assert recording_path(str(odd)) == odd
