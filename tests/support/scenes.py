"""Scenes before a robot's camera: photographs of metal, also with a patch of rust, and the camera's noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

SIZE_PX = (640, 480)
NOISE_LEVELS, QUALITY = 4.0, 80  # of a small camera's sensor and JPEG


def photographs(data: Path, *, corroded: bool, count: int, least_px: int = 140) -> list[np.ndarray]:
    """Return photographs of metal surfaces from a folder with a table of labels."""
    header, *lines = (data / "labels.csv").read_text(encoding="utf-8").splitlines()
    names = header.split(",")
    rows = [dict(zip(names, line.split(","), strict=False)) for line in lines]
    kind = ("surfaces", str(int(corroded)))
    wanted = [row["file"] for row in rows if (row["set"], row["corroded"]) == kind]
    found = []
    for at in np.random.default_rng(7).permutation(len(wanted)):
        picture = cv2.imread(str(data / wanted[at]))
        if picture is not None and min(picture.shape[:2]) >= least_px:
            found.append(picture)
        if len(found) == count:
            break
    return found


def surface(picture: np.ndarray, width: int = SIZE_PX[0]) -> np.ndarray:
    """Return a surface of that width: the picture at the camera's height, again and again, mirrored."""
    lines = SIZE_PX[1]
    size = (round(picture.shape[1] * lines / picture.shape[0]), lines)
    picture = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    both = np.hstack([picture, picture[:, ::-1]])
    return np.tile(both, (1, -(-width // both.shape[1]), 1))[:, :width]


def paste_rust(
    picture: np.ndarray, rust: np.ndarray, share: float, random: np.random.Generator
) -> np.ndarray:
    """Return the picture with a soft spot of rust on this share of it, somewhere, more or less bright."""
    height, width = picture.shape[:2]
    side = int(np.sqrt(share * width * height * 4 / np.pi))
    spot = cv2.resize(rust, (side, side)).astype(np.float32) * random.uniform(0.5, 1.4)
    top, left = random.integers(0, height - side + 1), random.integers(0, width - side + 1)
    down, across = (np.mgrid[:side, :side] - side / 2 + 0.5) / (side / 2)
    weight = np.clip((1 - np.hypot(down, across)) / random.uniform(0.2, 0.6), 0, 1)[..., np.newaxis]
    shown = picture.astype(np.float32)
    part = shown[top : top + side, left : left + side]
    part += (spot - part) * weight
    return np.clip(shown, 0, 255).astype(np.uint8)


class Sensor:
    """Add sensor noise that differs from frame to frame, and JPEG."""

    def __init__(self, noise_levels: float = NOISE_LEVELS, quality: int = QUALITY, seed: int = 1) -> None:
        random = np.random.default_rng(seed)
        width, height = SIZE_PX
        # Drawn once, larger than a picture: each frame takes another part of it.
        noise = random.standard_normal((height + 97, width + 97, 3), dtype=np.float32) * noise_levels
        self._noise = np.clip(np.round(noise), -127, 127).astype(np.int16)
        self._random = random
        self._quality = quality

    def encode(self, picture: np.ndarray, light: float | np.ndarray = 1.0) -> bytes:
        """Return the picture as a JPEG of this camera, with its light times ``light``."""
        top, left = self._random.integers(0, 97, 2)
        noise = self._noise[top : top + picture.shape[0], left : left + picture.shape[1]]
        if not np.isscalar(light) or light != 1.0:
            picture = np.clip(picture * light, 0, 255).astype(np.uint8)
        noisy = cv2.add(picture, noise, dtype=cv2.CV_8U)
        return cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, self._quality])[1].tobytes()

    def see(self, picture: np.ndarray, light: float | np.ndarray = 1.0) -> np.ndarray:
        """Return what a node decodes of it."""
        content = np.frombuffer(self.encode(picture, light), np.uint8)
        return cv2.imdecode(content, cv2.IMREAD_COLOR)
