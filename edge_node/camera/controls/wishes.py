"""Read from ``[camera]`` what is wished of the camera's controls, and refuse it for sources without any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.camera.source import JETSON_RELEASE_FILE, SourceKind
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from edge_node.camera.source import Source
    from edge_node.config.camera_section import CameraConfig

KEYS = ("exposure_us", "gain", "white_balance", "focus")  # of [camera], in the order in which they are set

Wish = str | float | tuple[float, ...]  # "auto", "lock", or what is to be set
Wishes = dict[str, Wish]

NONE_HERE = "only a V4L2 device or a Raspberry Pi's csi camera has controls that the node can set"
_INSTEAD = {
    SourceKind.STREAM: "a network camera's are set on its own page",
    SourceKind.GSTREAMER: (
        "a pipeline's are set in its element, like v4l2src extra-controls=... or libcamerasrc ae-enable=false"
    ),
    SourceKind.RECORDING: "a recording is as it was taken",
}
_JETSON_INSTEAD = (
    "a Jetson's are set in a pipeline: source = "
    "\"gst:nvarguscamerasrc aelock=true awblock=true exposuretimerange='8000000 8000000' ! ...\""
)


def read_wishes(config: CameraConfig) -> Wishes:
    """Return what is wished, by key; a key that is not set leaves the camera as it is."""
    wishes = {key: getattr(config, key) for key in KEYS}
    return {key: wish for key, wish in wishes.items() if wish is not None}


def refuse_without_controls(source: Source, config: CameraConfig) -> None:
    """Refuse the keys of controls for a source that offers none to the node.

    Raises:
        ConfigError: at least one is set, and only a V4L2 device or picamera2 could do it.
    """
    if (wishes := read_wishes(config)) and (instead := say_instead(source)):
        it = "them" if len(wishes) > 1 else "it"
        raise ConfigError(f"[camera] {', '.join(wishes)}: {NONE_HERE}; {instead}. Remove {it} here")


def say_instead(source: Source) -> str:
    """Return where a source without controls is set instead; empty if it may have some."""
    if source.kind is SourceKind.CSI and JETSON_RELEASE_FILE.exists():
        return _JETSON_INSTEAD
    return _INSTEAD.get(source.kind, "")
