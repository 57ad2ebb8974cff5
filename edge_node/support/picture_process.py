"""Write one JPEG picture, of a file or of a camera, to stdout: the process that ``pictures`` starts."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.camera.capture.opening import open_camera
from edge_node.camera.picture import read_picture
from edge_node.config.sections import load_config
from edge_node.errors import CameraError, CorrosionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGER_SIDE_PX = 1920
_QUALITY = 85
_FRAMES = 5  # exposure settles in the first ones


def main(words: list[str]) -> int:
    """Write the picture that ``words`` name: ``file PATH`` or ``camera CONFIG``; return the exit code."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries print to the standard output, too
    try:
        kind, path = words
        pixels = read_picture(Path(path)) if kind == "file" else _read_camera(Path(path))
        out.write(encode(pixels))
        out.flush()
    except (CorrosionError, OSError) as err:
        print(err, file=sys.stderr)
        return 1
    return 0


def encode(pixels: NDArray[np.uint8]) -> bytes:
    """Return the picture as JPEG, without metadata and at most ``LONGER_SIDE_PX`` long."""
    import cv2

    height, width = pixels.shape[:2]
    scale = min(1.0, LONGER_SIDE_PX / max(height, width))
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()


def _read_camera(path: Path) -> NDArray[np.uint8]:
    config = load_config(path).camera
    camera = open_camera(config, stop=threading.Event())
    try:
        frame = camera.read()
        for _ in range(_FRAMES if camera.live else 0):
            frame = camera.read() or frame
    finally:
        camera.close()
    if frame is None:
        raise CameraError(f"{camera.source}: gave no picture")
    return frame.pixels


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
