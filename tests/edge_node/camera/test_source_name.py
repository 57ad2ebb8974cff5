"""What may be shown of a source: what is known to be harmless, and nothing else."""

from urllib.parse import urlsplit

import pytest

from edge_node.camera.source_name import name_of_pipeline, name_of_url


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("rtsp://admin:secret9@10.0.0.5/live", "rtsp://10.0.0.5/live"),
        ("RTSP://secret9@[::1]:8554/live", "rtsp://[::1]:8554/live"),
        ("http://cam/x.cgi?user=admin&pwd=secret9", "http://cam/x.cgi"),
        ("http://cam/snap.jpg;pwd=secret9#secret9", "http://cam/..."),
        ("http://cam/secret9/stream.mjpg", "http://cam/.../stream.mjpg"),
        ("http://cam/stream/secret9", "http://cam/..."),
        ("http://cam/live%3Fpwd%3Dsecret9", "http://cam/..."),
        ("rtsp://cam:554/user=admin_password=secret9_channel=1.sdp", "rtsp://cam:554/..."),
        ("rtsp://cam/Streaming/Channels/101", "rtsp://cam/.../101"),
        ("rtsp://cam/h264Preview_01_main", "rtsp://cam/h264Preview_01_main"),
        ("http://cam/48151623", "http://cam/..."),
        ("http://cam/geheimnißwort", "http://cam/..."),
        ("https://cam", "https://cam"),
        ("https://cam/", "https://cam/"),
    ],
)
def test_of_an_address_scheme_host_and_a_known_last_part_are_shown(url, name):
    """A last part is shown if it is made of the words of cameras' paths; any other may be a key."""
    assert name_of_url(urlsplit(url)) == name


@pytest.mark.parametrize(
    ("pipeline", "name"),
    [
        ("rtspsrc location=rtsp://admin:secret9@cam user-pw=secret9 ! decodebin", "gst:rtspsrc"),
        ("v4l2src", "gst:v4l2src"),
        ("rtsp://admin:secret9@cam/live ! decodebin", "gst:..."),
        ("'secret9 x' ! decodebin", "gst:..."),
    ],
)
def test_of_a_pipeline_the_first_element_is_shown(pipeline, name):
    """Neither the properties of a pipeline nor an address in an element's place is shown."""
    assert name_of_pipeline(pipeline) == name
