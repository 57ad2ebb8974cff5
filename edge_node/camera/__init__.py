"""Cameras: one URI each, opened by ``open_camera``, kept running by ``CaptureThread``."""

from edge_node.camera.backends.recording import iter_video
from edge_node.camera.capture import CameraCondition, CameraState, CaptureThread
from edge_node.camera.opening import Camera, open_camera
from edge_node.camera.picture import PICTURE_SUFFIXES, decode_picture, read_picture
from edge_node.camera.source import Source, SourceKind, parse_source

__all__ = [
    "PICTURE_SUFFIXES",
    "Camera",
    "CameraCondition",
    "CameraState",
    "CaptureThread",
    "Source",
    "SourceKind",
    "decode_picture",
    "iter_video",
    "open_camera",
    "parse_source",
    "read_picture",
]
