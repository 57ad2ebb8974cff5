"""The user name and password of ``[camera]``: where they go, and which keys contradict the source."""

from urllib.parse import unquote

import pytest

from edge_node.camera.backends.pipeline_text import split_pipeline
from edge_node.camera.capture.login import check_login, sign_in
from edge_node.camera.source import parse_source
from edge_node.config.sections import CameraConfig
from edge_node.errors import CameraError

AWKWARD = "se/c r?e#t@9:%!\"'\\"


@pytest.fixture
def password_file(tmp_path):
    """Return a file with the password as Notepad writes it: with a byte order mark and CRLF."""
    file = tmp_path / "password"
    file.write_bytes(b"\xef\xbb\xbf" + AWKWARD.encode() + b"\r\n")
    return str(file)


def test_the_password_of_a_file_goes_into_a_streams_address(password_file):
    """Every character that means something in a URL is escaped; the name stays without it."""
    source = sign_in(
        CameraConfig(source="rtsp://10.0.0.5:554/live", username="adm:in", password_file=password_file)
    )
    assert source.address == ("rtsp://adm%3Ain:se%2Fc%20r%3Fe%23t%409%3A%25%21%22%27%5C@10.0.0.5:554/live")
    assert source.name == "rtsp://10.0.0.5:554/live"


def test_the_password_of_a_file_goes_into_its_place_in_a_pipeline(password_file):
    """A pipeline takes it as one escaped value, also where the place is within quotes."""
    source = "gst:rtspsrc location=rtsp://cam user-id={username} 'user-pw={password}' ! x"
    signed = sign_in(CameraConfig(source=source, username="admin", password_file=password_file))
    words = split_pipeline(signed.address)
    assert words[2] == "user-id=admin"
    assert words[3].replace("\\", "") == "user-pw=" + AWKWARD.replace("\\", "")
    assert words[4:] == ["!", "x"]
    assert signed.name == "gst:rtspsrc"


def test_a_password_within_an_address_in_a_pipeline_is_escaped_for_an_address(password_file):
    """``@`` or ``/`` of a password would else end the address's user part, and name another host."""
    source = "gst:rtspsrc location=rtsp://{username}:{password}@cam/live user-pw={password} ! x"
    signed = sign_in(CameraConfig(source=source, username="ad@min", password_file=password_file))
    location, password = (word.replace("\\", "") for word in split_pipeline(signed.address)[1:3])
    assert parse_source(location.removeprefix("location=")).name == "rtsp://cam/live"
    assert unquote(location) == f"location=rtsp://ad@min:{AWKWARD}@cam/live"
    assert password == "user-pw=" + AWKWARD.replace("\\", "")


def test_without_a_user_name_nothing_changes():
    """A source of an earlier version is opened as before."""
    assert sign_in(CameraConfig(source="rtsp://a:b@cam/live")).address == "rtsp://a:b@cam/live"
    assert (
        sign_in(CameraConfig(source="rtsp://cam/live", username="guest")).address == "rtsp://guest:@cam/live"
    )


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"source": "rtsp://a:secret9@cam/", "username": "a", "password_file": "/x"}, "keep one"),
        ({"source": "rtsp://secret9@cam/", "username": "a", "password_file": "/x"}, "keep one"),
        ({"source": "rtsp://cam/", "password_file": "/x"}, "without username"),
        ({"source": "/dev/video0", "username": "a", "password_file": "/x"}, "takes no username"),
        ({"source": "clip.mp4", "username": "a"}, "takes no username"),
        ({"source": "csi:0", "username": "a"}, "takes no username"),
        (
            {"source": "gst:rtspsrc user-pw=secret9", "username": "a", "password_file": "/x"},
            "user-pw={password}",
        ),
        ({"source": "gst:rtspsrc user-id={username}", "username": "a", "password_file": "/x"}, "{password}"),
        ({"source": "gst:rtspsrc user-pw={password}"}, "{password}"),
    ],
)
def test_keys_that_contradict_the_source_are_refused(keys, words):
    """A login that would be ignored, or be one of two, is an error that shows no password."""
    with pytest.raises(CameraError) as caught:
        check_login(CameraConfig(**keys))
    assert words in str(caught.value)
    assert "secret9" not in str(caught.value)


@pytest.mark.parametrize("given", ["/nowhere/password", "secret9", "sec/ret9"])
def test_a_password_file_that_cannot_be_read_is_named(given):
    """The sentence names a path; what may be the password itself is not repeated."""
    with pytest.raises(CameraError, match="password_file") as caught:
        sign_in(CameraConfig(source="rtsp://cam/live", username="a", password_file=given))
    assert "No such file" in str(caught.value)
    assert "ret9" not in str(caught.value)
