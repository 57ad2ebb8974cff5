"""JPEGs behind each other in a file, as cameras write them or as a stream is saved."""

import cv2
import pytest

from edge_node.camera.backends.motion_jpeg import is_motion_jpeg, iter_motion_jpeg
from edge_node.camera.backends.recording import iter_video
from edge_node.errors import CameraError
from tests.support.mjpeg_server import moving_picture


def jpegs(count, size=(64, 48)):
    """Return so many encoded pictures."""
    return [cv2.imencode(".jpg", moving_picture(size, number))[1].tobytes() for number in range(count)]


def write(folder, content):
    """Return a file with ``content``."""
    path = folder / "film"
    path.write_bytes(content)
    return path


def with_thumbnail(jpeg, thumbnail):
    """Return a JPEG with another inside its header."""
    payload = b"Exif\0\0" + thumbnail
    return jpeg[:2] + b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload + jpeg[2:]


def test_every_picture_comes_between_any_filling(tmp_path):
    """Zeros between pictures, a thumbnail in one, another size: each picture comes once, in its size."""
    pictures = jpegs(3)
    pictures[1] = with_thumbnail(pictures[1], jpegs(1, (16, 12))[0])
    path = write(tmp_path, b"\0\0".join([*pictures, *jpegs(1, (32, 24))]))
    assert [pixels.shape[:2] for pixels in iter_motion_jpeg(path)] == [(48, 64)] * 3 + [(24, 32)]


def test_a_saved_stream_is_read(tmp_path):
    """Boundaries and headers between the pictures are left out."""
    part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 1\r\n\r\n"
    path = write(tmp_path, part + (b"\r\n" + part).join(jpegs(4)) + b"\r\n--frame--\r\n")
    assert is_motion_jpeg(path)
    assert len(list(iter_video(path))) == 4


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])  # in its tables, in its pixels
def test_a_picture_without_an_end_is_refused_and_the_next_comes(tmp_path, share):
    """It is told as damaged, and no grey half is delivered."""
    first, second, third = jpegs(3)
    pictures = iter_video(write(tmp_path, first + second[: int(len(second) * share)] + third))
    assert [next(pictures).shape, next(pictures).shape] == [(48, 64, 3)] * 2
    with pytest.raises(CameraError, match="damaged: 1 pictures cannot be decoded; 2 pictures were read"):
        next(pictures)


def test_a_file_that_is_not_there_is_told(tmp_path):
    """In a sentence, as for other videos."""
    with pytest.raises(CameraError, match="none: No such file"):
        is_motion_jpeg(tmp_path / "none")
