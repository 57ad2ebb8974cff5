"""A test picture is found in the evidence, in a file, or taken; nothing else is packed as one."""

from __future__ import annotations

import os

import cv2
import numpy as np
import pytest

from edge_node.camera.picture import decode_picture
from edge_node.config.sections import example_config, load_config
from edge_node.errors import CorrosionError
from edge_node.support import pictures

PIXELS = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)
JPEG = cv2.imencode(".jpg", PIXELS)[1].tobytes()


def test_the_newest_picture_of_the_evidence_is_taken_and_no_link_is_followed(tmp_path):
    """Whoever owns the folder must not lead root to another file."""
    with pytest.raises(CorrosionError, match="no picture"):
        pictures.newest_evidence(tmp_path)
    for age, kind in ((300, "corroded"), (100, "other"), (200, "reviewed")):
        path = tmp_path / "evidence" / kind / kind
        path.parent.mkdir(parents=True)
        path.write_bytes(JPEG)
        os.utime(path, (1e9 - age, 1e9 - age))
    (tmp_path / "evidence" / "other" / "link").symlink_to("/etc/passwd")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "private").write_bytes(JPEG)
    (tmp_path / "evidence" / "folder").symlink_to(tmp_path / "elsewhere")
    assert pictures.newest_evidence(tmp_path) == ("other", JPEG)
    (tmp_path / "evidence" / "other" / "text").write_text("no picture")
    with pytest.raises(CorrosionError, match="no JPEG"):
        pictures.newest_evidence(tmp_path)


def test_a_given_file_must_be_a_picture(tmp_path):
    """Its pixels are packed, and none of its metadata; what is no picture is refused in a sentence."""
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), PIXELS)
    assert decode_picture(pictures.encode_file(path), "x").shape == (48, 64, 3)
    with pytest.raises(CorrosionError, match="passwd"):
        pictures.encode_file(type(path)("/etc/passwd"))


def test_a_frame_is_taken_with_the_camera_unless_that_needs_a_password(tmp_path):
    """The file of the password is not opened for it."""
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures" / "a.png"), PIXELS)
    camera = {"source": str(tmp_path / "pictures")}
    sections = {"node": {"site": "s", "robot": "r"}, "bundle": {"path": "default"}, "mqtt": {"hostname": "h"}}
    path = tmp_path / "node.toml"
    path.write_text(example_config(**sections, camera=camera))
    assert decode_picture(pictures.take_frame(load_config(path), path), "x").shape == (48, 64, 3)
    path.write_text(
        example_config(
            **sections, camera={"source": "rtsp://127.0.0.1/", "username": "u", "password_file": "/no/file"}
        )
    )
    with pytest.raises(CorrosionError, match="--picture FILE"):
        pictures.take_frame(load_config(path), path)
