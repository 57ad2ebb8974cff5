"""What may be written as a camera's source."""

import pytest

from edge_node.camera.source import SourceKind, parse_source
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
        "csi:first",
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
    assert "wanted" in str(caught.value) or "no URL" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["rtsp://admin:s3cret@cam/live", "http://u:s3cret@h:80/a?b=c@d", "rtsp://admin:s3cret@bad host/"],
)
def test_a_password_is_never_shown(text):
    """Neither the name that goes into verdicts nor a message holds the password of a URL."""
    try:
        shown = parse_source(text).name
    except CameraError as err:
        shown = str(err)
    assert "s3cret" not in shown
    assert "***@" in shown
