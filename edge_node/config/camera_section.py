"""Define the section of the configuration that names the camera and says how its picture is taken."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge_node.config.toml_reader import about as _about
from edge_node.config.value_types import FocalPixels, FourCc, Hertz, MillimetresPerPixel, Pixels, Text
from edge_node.messages.camera_view import Crop, Flip, Rotation

__all__ = ["CameraConfig"]

DEFAULT_SNAPSHOT_FPS = 1.0  # what a small camera bears
ControlWord = Literal["auto", "lock"]
_MAX_BALANCE = 1_000_000


class CameraConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The camera, stream or recording that gives the frames."""

    source: Annotated[
        str,
        _about(
            "/dev/video0, rtsp(s)://..., http(s)://..., csi:0, gst:PIPELINE, a video, a folder of pictures.",
            min_length=1,
        ),
    ] = "/dev/video0"
    username: Annotated[
        Text | None,
        _about(
            "User name at an http or rtsp camera; {username} in a pipeline stands for it. It is no secret."
        ),
    ] = None
    password_file: Annotated[
        Text | None,
        _about(
            "File with the password; {password} in a pipeline stands for it. $CREDENTIALS_DIRECTORY/..."
            " names a credential of systemd."
        ),
    ] = None
    rtsp_transport: Annotated[
        Literal["tcp", "udp"],
        _about('"udp" is for cameras that cannot send over TCP. Lost packets then smear the picture.'),
    ] = "tcp"
    width_px: Annotated[
        Pixels | None, _about("Size that is asked of the camera, which may answer with another.")
    ] = None
    height_px: Annotated[
        Pixels | None, _about("Size that is asked of the camera, which may answer with another.")
    ] = None
    format: Annotated[FourCc | None, _about("Pixel format that is asked of a device: MJPG, YUYV, ...")] = None
    fps: Annotated[
        Hertz | None,
        _about(
            "Frame rate that is asked of a camera. Of a folder it is the pace (10 if not given), of a video"
            " too, and of a snapshot address (1)."
        ),
    ] = None
    pace: Annotated[
        Literal["real-time", "fast"],
        _about("Of recordings only: at their own pace, or every picture as fast as it is judged."),
    ] = "real-time"
    loop: Annotated[bool, _about("Of recordings only: begin again at the end instead of stopping.")] = False
    timeout_ms: Annotated[
        int, _about("A camera that sends nothing for this time is reopened.", ge=100, le=600_000)
    ] = 5000
    frozen_after_ms: Annotated[
        int,
        _about(
            "A live picture that stays the same for this time counts as frozen, and is not judged.",
            ge=100,
            le=600_000,
        ),
    ] = 3000

    rotate: Annotated[
        Rotation, _about("Degrees clockwise by which the picture is turned: 0, 90, 180 or 270.")
    ] = 0
    flip: Annotated[
        Flip,
        _about(
            'After turning, "horizontal" exchanges left and right, "vertical" top and bottom, "both" does'
            " both."
        ),
    ] = "none"
    crop: Annotated[
        Crop | None,
        _about(
            "Judge only this part of the turned picture, whose size is of_px ="
            " { left_px = 80, top_px = 0, width_px = 480, height_px = 480, of_px = [640, 480] }."
        ),
    ] = None
    mask: Annotated[
        Text | None,
        _about(
            "PNG file as large as the camera's own picture. What is black in it the robot sees of itself; it"
            " does not count."
        ),
    ] = None
    undistort: Annotated[
        Text | None,
        _about(
            "File with the lens's calibration, by which its distortion is corrected: of OpenCV (YAML, XML,"
            " JSON) or camera_info of ROS."
        ),
    ] = None

    exposure_us: Annotated[
        ControlWord | Annotated[float, msgspec.Meta(gt=0, le=60_000_000)] | None,
        _about(
            'Exposure time. "lock" freezes what the camera has found after 3 s, a number sets it, "auto"'
            " leaves it to the camera."
        ),
    ] = None
    gain: Annotated[
        ControlWord | Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] | None,
        _about(
            'Gain. "lock", "auto" or a number: times on a Pi\'s csi camera, otherwise the camera\'s own'
            " counts."
        ),
    ] = None
    # Its length is checked below: msgspec (0.23 too) crashes on a bounded number beside a fixed tuple.
    white_balance: Annotated[
        ControlWord | Annotated[float, msgspec.Meta(ge=0, le=100_000)] | tuple[float, ...] | None,
        _about('White balance. "lock", "auto", kelvin, or [red, blue] where the camera takes those.'),
    ] = None
    focus: Annotated[
        ControlWord | Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] | None,
        _about(
            'Focus. "lock", "auto" or a number: dioptres on a Pi\'s csi camera, otherwise the camera\'s own'
            " counts."
        ),
    ] = None

    mm_per_px: Annotated[
        MillimetresPerPixel | None,
        _about(
            "Millimetres of surface in a pixel of the camera's picture, where the distance is fixed. It"
            " gives areas in mm²."
        ),
    ] = None
    focal_px: Annotated[
        FocalPixels | None,
        _about(
            "Focal length in pixels, where undistort does not say it. The scale is then range_mm divided by"
            " it."
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse keys that contradict each other."""
        if self.mm_per_px is not None and self.focal_px is not None:
            raise ValueError(
                f"mm_per_px = {self.mm_per_px} is a fixed scale, focal_px = {self.focal_px} asks for one from"
                " range_mm; leave one of them out"
            )
        if self.focal_px is not None and self.undistort is not None:
            raise ValueError(
                f"focal_px = {self.focal_px} beside undistort, whose file says it; leave focal_px out"
            )
        self._refuse_impossible_controls()

    def _refuse_impossible_controls(self) -> None:
        """Refuse an exposure that is longer than a frame, and a white balance that is no pair."""
        if isinstance(self.exposure_us, float | int) and self.fps:
            frame_us = 1e6 / self.fps
            if self.exposure_us > 1.001 * frame_us:
                raise ValueError(
                    f"exposure_us = {self.exposure_us:g} is longer than a frame lasts at fps = {self.fps:g}:"
                    f" wanted at most {int(frame_us)} µs, or fewer fps"
                )
        balance = self.white_balance
        if isinstance(balance, tuple) and not (
            len(balance) == 2 and all(0 <= one <= _MAX_BALANCE for one in balance)
        ):
            raise ValueError(f"white_balance = {list(balance)}: wanted two numbers from 0 on: [red, blue]")

    @property
    def snapshot_interval_s(self) -> float:
        """Return the time between two requests to an address that gives one picture for each."""
        return 1 / (self.fps or DEFAULT_SNAPSHOT_FPS)
