"""What goes wrong with streams, as a table: which state it ends in, how soon, and how soon it streams again.

    python -m tests.endurance.faults [--timeout-ms 1000]

Real servers for MJPEG and RTSP, and the peer that a GStreamer pipeline reads from, are made to fail in each
way while the capture thread watches them; a device node comes and goes. Exit code 1 if a state is not reached
within ``timeout_ms`` + 2 s, is not the right one, or nothing streams afterwards.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from edge_node.camera.capture.capture_thread import CameraCondition, CaptureThread
from edge_node.camera.latest import LatestFrame
from edge_node.config.sections import CameraConfig
from tests.support.mjpeg_server import Behaviour, MjpegServer
from tests.support.pipeline_server import PipelineServer
from tests.support.rtsp_server import RtspServer

AWAY = (CameraCondition.SILENT, CameraCondition.ABSENT)
FAULTS = {
    "server killed, then back": (None, AWAY),
    "stalled in mid-frame": (Behaviour.STALL, AWAY),
    "garbage": (Behaviour.GARBAGE, AWAY),
    "hangs up again and again": (Behaviour.HANG_UP, AWAY),
    "one picture repeated": (Behaviour.REPEAT, (CameraCondition.FROZEN,)),
    "404, then back": (Behaviour.NOT_FOUND, AWAY),
    "accepts and never answers": (Behaviour.MUTE, AWAY),
    "resolution switched": (None, (CameraCondition.STREAMING,)),
}
KINDS = {"MJPEG": MjpegServer, "RTSP": RtspServer, "gst": PipelineServer}
# Raw video has no form that garbage or another size could break, and a pipeline's peer no page to miss.
NOT_OF_A_PIPELINE = ("garbage", "404, then back", "resolution switched")
FROM_THE_START = (Behaviour.NOT_FOUND, Behaviour.MUTE)  # an open stream goes on
RECOVERY_S = 15.0  # the longest delay between two attempts, an open, and a busy machine


def main() -> int:
    """Print a line for each fault and kind of stream."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--timeout-ms", type=int, default=1000)
    args = parser.parse_args()
    print(f"timeout_ms = {args.timeout_ms}: a state is due within {args.timeout_ms / 1000 + 2:.1f} s")
    print(f"{'fault':<28} {'stream':<7} {'state':<10} {'after s':>8} {'again s':>8}  result")
    failed = sum(
        not shown(name, stream, args.timeout_ms)
        for name in FAULTS
        for stream in KINDS
        if not (stream == "gst" and (name in NOT_OF_A_PIPELINE or not shutil.which("gst-launch-1.0")))
    )
    failed += not device_shown(args.timeout_ms)
    return 1 if failed else 0


def shown(name: str, stream: str, timeout_ms: int) -> bool:
    """Make one fault happen, print what came of it, and return whether all was as it should be."""
    behaviour, wanted = FAULTS[name]
    kind = KINDS[stream]
    server = kind()
    if behaviour in FROM_THE_START:
        server.behaviour = behaviour
    latest = LatestFrame()
    config = CameraConfig(source=server.url, timeout_ms=timeout_ms, frozen_after_ms=timeout_ms)
    capture = CaptureThread(config, latest)
    begun_s = time.monotonic()
    capture.start()
    try:
        if behaviour not in FROM_THE_START:
            reached(capture, (CameraCondition.STREAMING,), RECOVERY_S)
            begun_s = time.monotonic()
        if name.startswith("resolution"):
            server.size = (640, 480)
            seen_s = new_size(latest, (480, 640), RECOVERY_S)
        else:
            if behaviour is None:
                server.close()
            else:
                server.behaviour = behaviour
            seen_s = reached(capture, wanted, timeout_ms / 1000 + 2.0)
        state = capture.state.condition
        took_s, mended_s = (seen_s or time.monotonic()) - begun_s, time.monotonic()
        if behaviour is None and not name.startswith("resolution"):
            server = kind(server.port)
        server.behaviour = Behaviour.STREAM
        again_s = reached(capture, (CameraCondition.STREAMING,), RECOVERY_S)
    finally:
        capture.stop()
        server.close()
    good = seen_s is not None and again_s is not None
    again = "never" if again_s is None else f"{again_s - mended_s:.1f}"
    verdict = "as it should be" if good else "WRONG"
    print(f"{name:<28} {stream:<7} {state.value:<10} {took_s:>8.1f} {again:>8}  {verdict}", flush=True)
    return good


def device_shown(timeout_ms: int) -> bool:
    """Let a device node appear and vanish; the state tells in words which it is.

    The node is a character device, but no camera, so that it can be told but gives no frames.
    """
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        node = Path(folder) / "video0"
        capture = CaptureThread(CameraConfig(source=str(node), timeout_ms=timeout_ms), LatestFrame())
        begun_s = time.monotonic()
        capture.start()
        try:
            missing_s = said(capture, "no such device", timeout_ms / 1000 + 2.0)
            mended_s = time.monotonic()
            node.symlink_to("/dev/null")
            there_s = said(capture, "cannot be opened", RECOVERY_S)
            node.unlink()
            gone_s = said(capture, "no such device", RECOVERY_S)
            state = capture.state.condition
        finally:
            capture.stop()
    good = None not in (missing_s, there_s, gone_s) and state is CameraCondition.ABSENT
    took, again = (
        "never" if until_s is None else f"{until_s - since_s:.1f}"
        for until_s, since_s in ((missing_s, begun_s), (there_s, mended_s))
    )
    verdict = "as it should be" if good else "WRONG"
    print(
        f"{'node missing, there, gone':<28} {'device':<7} {state.value:<10} {took:>8} {again:>8}  {verdict}"
    )
    return good


def said(capture: CaptureThread, words: str, timeout_s: float) -> float | None:
    """Return the moment at which the state is told with these words; None if not in time."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if words in capture.state.text:
            return time.monotonic()
        time.sleep(0.02)
    return None


def reached(capture: CaptureThread, wanted: tuple[CameraCondition, ...], timeout_s: float) -> float | None:
    """Return the moment at which the camera is in one of these conditions; None if not in time."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if capture.state.condition in wanted:
            return time.monotonic()
        time.sleep(0.02)
    return None


def new_size(latest: LatestFrame, shape: tuple[int, int], timeout_s: float) -> float | None:
    """Return the moment at which frames have this height and width; None if not in time."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        frame, _ = latest.take(0.2)
        if frame is not None and frame.pixels.shape[:2] == shape:
            return time.monotonic()
    return None


if __name__ == "__main__":
    raise SystemExit(main())
