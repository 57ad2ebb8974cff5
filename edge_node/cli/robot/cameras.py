"""Run ``edge-node cameras``: list the cameras of this robot, or take a test picture with one."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import msgspec

from edge_node.camera.capture.opening import open_camera
from edge_node.camera.source import JETSON_RELEASE_FILE
from edge_node.cli.number_options import number_between, whole_number_between
from edge_node.cli.robot.camera_controls import show_controls
from edge_node.config.sections import CameraConfig
from edge_node.errors import CameraError
from edge_node.inspection.inspectability import Thresholds, inspect

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from edge_node.camera.frame import Frame

SYSFS = Path("/sys/class/video4linux")
TEST_S = 3.0  # exposure and white balance settle, and the rate shows


@dataclass(frozen=True, slots=True)
class FoundCamera:
    """A camera: its value for ``[camera] source``, and its name."""

    source: str
    name: str


class TestPicture(msgspec.Struct, frozen=True, kw_only=True):
    """Size, rate and inspectability of a camera's frames over ``TEST_S`` seconds."""

    source: str
    width_px: int
    height_px: int
    fps: float
    first_frame_ms: float
    inspectable: bool
    reasons: tuple[str, ...]
    saved: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node cameras``."""
    parser.add_argument(
        "source", nargs="?", help="try this camera: /dev/video0, rtsp://..., csi:0, gst:..., ..."
    )
    parser.add_argument("--username", help="user name at an http or rtsp camera")
    parser.add_argument(
        "--password-file", metavar="FILE", help="file with its password, as in [camera] password_file"
    )
    parser.add_argument(
        "--rtsp-transport",
        choices=("tcp", "udp"),
        default="tcp",
        help="how an rtsp camera sends (default: %(default)s)",
    )
    parser.add_argument("--save", type=Path, metavar="FILE.jpg", help="save a test picture to this file")
    parser.add_argument(
        "--width", type=whole_number_between(16, 16384), help="ask the camera for this width, px"
    )
    parser.add_argument(
        "--height", type=whole_number_between(16, 16384), help="ask the camera for this height, px"
    )
    parser.add_argument(
        "--timeout",
        type=number_between(0.1, 600),
        default=5.0,
        metavar="SECONDS",
        help="wait so long for a frame (default: 5)",
    )
    parser.add_argument(
        "--controls",
        action="store_true",
        help="print the values that exposure_us, gain, white_balance and focus take, and the present ones",
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.epilog = (
        "Without a source it lists the cameras of this robot; exit code 1: there are none.\n"
        "Example: edge-node cameras rtsp://10.0.0.9/live --save test.jpg\n"
        "         edge-node cameras /dev/video0 --controls\n"
        "Give a password as --username admin --password-file FILE: in an address, `ps` would show it."
    )


def run(args: argparse.Namespace) -> int:
    """List the cameras, try one, or print its controls."""
    if args.source is None and args.controls:
        raise CameraError(
            "--controls: wanted the camera too, like `edge-node cameras /dev/video0 --controls`"
        )
    if args.source is None:
        return _list(list(find_cameras()), as_json=args.json)
    if args.controls:
        return show_controls(args.source, as_json=args.json)
    config = CameraConfig(
        source=args.source,
        username=args.username,
        password_file=args.password_file,
        rtsp_transport=args.rtsp_transport,
        width_px=args.width,
        height_px=args.height,
        timeout_ms=int(args.timeout * 1000),
    )
    result = try_camera(config, args.save)
    if args.json:
        print(msgspec.json.encode(result).decode())
        return 0
    print(f"{result.source}: {result.width_px} x {result.height_px} px, {result.fps:.1f} frames/s")
    print(f"first frame after {result.first_frame_ms:.0f} ms")
    print("inspectable" if result.inspectable else f"not inspectable: {'; '.join(result.reasons)}")
    if result.saved:
        print(f"saved {result.saved}")
    return 0


def find_cameras(sysfs: Path = SYSFS) -> Iterator[FoundCamera]:
    """Yield V4L2 devices that give pictures, and CSI cameras."""
    for device in sorted(sysfs.glob("video*"), key=lambda path: (len(path.name), path.name)):
        # Further device nodes of a camera give metadata, not pictures.
        if _read(device / "index") in {"0", ""}:
            yield FoundCamera(f"/dev/{device.name}", _read(device / "name") or "camera")
    if find_spec("picamera2") is not None:
        for number, info in enumerate(import_module("picamera2").Picamera2.global_camera_info()):
            yield FoundCamera(f"csi:{number}", str(info.get("Model", "camera")))
    elif JETSON_RELEASE_FILE.exists():
        yield FoundCamera("csi:0", "Jetson, if a camera is plugged in")


def try_camera(config: CameraConfig, save: Path | None) -> TestPicture:
    """Read the camera for ``TEST_S``, write its last picture to ``save`` and return the measurements.

    Raises:
        CameraError: it cannot be opened, gives nothing, or the picture cannot be saved.
    """
    started_s = time.monotonic()
    camera = open_camera(config, stop=threading.Event())
    try:
        frame = camera.read()
        first_s = time.monotonic()
        count, last = 0, frame
        while frame is not None and time.monotonic() - first_s < TEST_S:
            frame = camera.read()
            if frame is not None:
                count, last = count + 1, frame
    finally:
        camera.close()
    if last is None:
        raise CameraError(f"{camera.source}: gave no picture")
    return _make_result(last, save, first_ms=(first_s - started_s) * 1000, fps=_rate(count, first_s))


def _rate(count: int, first_s: float) -> float:
    return round(count / max(time.monotonic() - first_s, 1e-3), 2)


def _make_result(frame: Frame, save: Path | None, *, first_ms: float, fps: float) -> TestPicture:
    height, width = frame.pixels.shape[:2]
    why = inspect(frame.pixels, Thresholds())
    if save is not None:
        try:
            written = cv2.imwrite(str(save), frame.pixels)
        except cv2.error:  # a suffix that is no format
            written = False
        if not written:
            raise CameraError(f"{save}: cannot be written; wanted a .jpg or .png in a folder that is there")
    return TestPicture(
        source=frame.source,
        width_px=width,
        height_px=height,
        fps=fps,
        first_frame_ms=round(first_ms, 1),
        inspectable=not why,
        reasons=tuple(reason.text for reason in why),
        saved=str(save) if save else None,
    )


def _list(found: list[FoundCamera], *, as_json: bool) -> int:
    if as_json:
        print(msgspec.json.encode([{"source": one.source, "name": one.name} for one in found]).decode())
    elif found:
        width = max(len(one.source) for one in found)
        print("\n".join(f"{one.source:<{width}}  {one.name}" for one in found))
    else:
        print("no camera found: neither /dev/video* nor one on a ribbon cable")
        print("network cameras are not searched for; try one: edge-node cameras rtsp://HOST/PATH")
    return 0 if found else 1


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
