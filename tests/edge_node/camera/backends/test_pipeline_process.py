"""The process that runs a pipeline: what it says, how it ends, and what the list of processes shows of it."""

import ctypes
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edge_node.camera.backends import pipeline_process
from edge_node.camera.capture.opening import open_camera
from edge_node.config.sections import CameraConfig
from edge_node.errors import CameraError


def has_gstreamer():
    """Tell whether GStreamer's library can be loaded."""
    try:
        ctypes.CDLL(pipeline_process.LIBRARY)
    except OSError:
        return False
    return True


needs_gstreamer = pytest.mark.skipif(not has_gstreamer(), reason="GStreamer is not installed")


def play(pipeline):
    """Run a pipeline to its end."""
    return subprocess.run(
        [sys.executable, "-I", "-S", pipeline_process.__file__],
        input=pipeline.encode(),
        capture_output=True,
        timeout=30,
        check=False,
    )


@needs_gstreamer
@pytest.mark.parametrize(
    ("pipeline", "code", "said"),
    [
        (
            "videotestsrc num-buffers=1 pattern=white ! video/x-raw,format=GRAY8,width=4,height=1 ! fdsink",
            0,
            "",
        ),
        ("no_such ! fakesink", 1, 'no element "no_such"\n'),
        ("videotestsrc foo=3 ! fakesink", 1, 'no property "foo" in element "videotestsrc"\n'),
        ("filesrc location=/nowhere ! fakesink", 1, "Resource not found.\n"),
    ],
)
def test_it_ends_with_the_pipeline_and_says_why(pipeline, code, said):
    """A pipeline that ends is no failure; one that cannot play is told in GStreamer's words."""
    done = play(pipeline)
    assert (done.returncode, done.stderr.decode()) == (code, said)
    assert len(done.stdout) == (4 if code == 0 else 0)


@needs_gstreamer
def test_a_password_reaches_the_element_and_no_list_of_processes(tmp_path):
    """A password with every awkward character arrives unchanged; arguments and environment do not have it."""
    awkward = "se/c r?e#t9!\"'\\=x"
    folder = tmp_path / awkward.replace("/", "_")
    folder.mkdir()
    (folder / "pixels").write_bytes(bytes(range(48)) * 400)
    file = tmp_path / "password"
    file.write_text(f"{folder.name}\n")
    caps = "video/x-raw,format=GRAY8,width=16,height=16,framerate=25/1"
    source = f"gst:filesrc 'location={tmp_path}/{{password}}/pixels' ! rawvideoparse format=gray8 width=16"
    source += f" height=16 framerate=25/1 name={{username}} ! identity sync=true ! {caps}"
    config = CameraConfig(source=source, username="u", password_file=str(file), width_px=16, height_px=16)
    camera = open_camera(config, stop=threading.Event())
    try:
        assert camera.read().pixels.shape == (16, 16, 3)
        shown = b"".join(
            path.read_bytes()
            for pid in _children()
            for path in (Path(f"/proc/{pid}/cmdline"), Path(f"/proc/{pid}/environ"))
        )
        assert b"pipeline_process" in shown
        assert b"r?e#t9" not in shown
    finally:
        camera.close()
    config = CameraConfig(source=source.replace("/pixels", "/absent"), username="u", password_file=str(file))
    with pytest.raises(CameraError, match=r"gst:filesrc: the pipeline ended: Resource not found") as caught:
        open_camera(config, stop=threading.Event()).read()
    assert "t9" not in str(caught.value)


def _children():
    return [
        int(status.parent.name)
        for status in Path("/proc").glob("[0-9]*/stat")
        if status.read_text().rpartition(")")[2].split()[1] == str(os.getpid())
    ]
