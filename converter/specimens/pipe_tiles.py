"""Render the walls of the demonstration's pipes: pieces of plate, clean and with one spot at several ages.

``python -m converter.specimens.pipe_tiles DIR`` writes ``PLATE-HOURS.jpg`` for each piece of ``TILES``. All
pieces of a plate have the same edges, mirrored and unmirrored: the crawler's camera sees no seam between
them, and the same place again at a later age shows the same spot, larger.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from converter.specimens.clip import HEIGHT_PX, robot_lamp
from converter.specimens.light import VirtualCamera, photograph, shade
from converter.specimens.noise import Field, fractal, step
from converter.specimens.plate import Plate
from converter.specimens.rendering import render_plate
from converter.specimens.spec import Finish, Light, Material, Picture, SpecimenSpec
from edge_node.errors import CorrosionError, DatasetError

TILE_PX = 1280  # twice the camera's picture
_UNIT_PX = HEIGHT_PX / 360.0
_MARGIN_PX = 24  # around the piece, cut off by the camera
_SIZE = (HEIGHT_PX + 2 * _MARGIN_PX, TILE_PX + 2 * _MARGIN_PX)
_EDGE_PX = 160
_SPOT_PX = (330.0, 230.0)  # half the width and height of a spot
_JPEG_QUALITY = 80
_LAYERS = ("reflectance", "relief", "metal", "gloss", "weakness", "coverage")

# For each plate: material, seed, and the hours of corrosion of its pieces. The default bundle has the clean
# ones uncorroded and the others corroded, seen anywhere along them.
TILES = {
    "steel-a": (Material.STEEL, 22, (0, 12, 25, 40, 60)),
    "steel-b": (Material.STEEL, 53, (0, 25, 40, 60, 100, 200)),
    "steel-c": (Material.STEEL, 11, (0, 25, 40, 60, 200)),
    "aluminium-a": (Material.ALUMINIUM, 55, (0, 120, 200, 300, 400)),
    "aluminium-b": (Material.ALUMINIUM, 12, (0, 120, 250, 400)),
}


def render_tile(material: Material, seed: int, hours: float) -> Picture:
    """Render a piece of a rolled plate with one spot in its middle that is so many hours old."""
    spec = SpecimenSpec(material, Finish.ROLLED, 0.0, Light.WINDOW, seed=seed)
    clean = render_plate(spec, _SIZE, _UNIT_PX)
    picture = _photograph(clean)
    if not hours:
        return picture
    rusty = render_plate(replace(spec, corrosion_hours=float(hours)), _SIZE, _UNIT_PX)
    spotted = _photograph(_mix(clean, rusty, _draw_spot(seed)))
    # The camera exposes for the whole: towards the edges the piece goes over into the clean one.
    from_edge = np.minimum(np.arange(TILE_PX), np.arange(TILE_PX)[::-1])
    share = np.clip(from_edge / _EDGE_PX, 0.0, 1.0)[None, :, None]
    return np.asarray(np.rint(picture * (1.0 - share) + spotted * share), dtype=np.uint8)


def write_tiles(folder: Path) -> int:
    """Write every piece into ``folder``; return the bytes of all.

    Raises:
        DatasetError: a picture cannot be written.
    """
    written = 0
    for name, (material, seed, ages) in TILES.items():
        for hours in ages:
            path = folder / f"{name}-{hours}.jpg"
            _, content = cv2.imencode(
                ".jpg", render_tile(material, seed, hours), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
            )
            try:
                written += path.write_bytes(content.tobytes())
            except OSError as err:
                raise DatasetError(f"{path}: cannot write: {err.strerror or err}") from err
    return written


def main(arguments: Sequence[str] | None = None) -> int:
    """Render the pieces from the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m converter.specimens.pipe_tiles", description="Render the walls of the demo's pipes."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder for the pictures")
    try:
        written = write_tiles(parser.parse_args(arguments).folder)
    except CorrosionError as err:
        print(err, file=sys.stderr)
        return err.exit_code
    print(f"{written / 1e6:.2f} MB")
    return 0


def _photograph(plate: Plate) -> Picture:
    """Return what the crawler's camera sees of a plate, without the margin."""
    view = np.array([[1, 0, -_MARGIN_PX], [0, 1, -_MARGIN_PX], [0, 0, 1]], dtype=np.float64)
    camera = VirtualCamera(view=view, blur_px=0.5, motion_px=(0.0, 0.0), noise=0.003, jpeg_quality=95)
    radiance = shade(plate, robot_lamp(), HEIGHT_PX)
    return photograph(radiance, camera, (HEIGHT_PX, TILE_PX), np.random.default_rng(1))


def _mix(clean: Plate, rusty: Plate, share: Field) -> Plate:
    """Return the clean plate with the rusty one's layers where ``share`` is 1."""
    mixed: dict[str, Any] = {}
    for name in _LAYERS:
        one, other = getattr(clean, name), getattr(rusty, name)
        part = share[:, :, None] if one.ndim == 3 else share
        mixed[name] = np.asarray(one * (1.0 - part) + other * part, dtype=np.float32)
    return replace(clean, **mixed)


def _draw_spot(seed: int) -> Field:
    """Return 1 in a frayed spot in the middle and 0 at the edges, where all pieces must be equal."""
    rng = np.random.default_rng(seed)
    height, width = _SIZE
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    middle = height * float(rng.uniform(0.42, 0.58))
    from_middle = np.hypot((x - width / 2) / _SPOT_PX[0], (y - middle) / _SPOT_PX[1])
    frayed = 1.25 - from_middle + 0.16 * fractal(rng, _SIZE, 90 * _UNIT_PX, 5, 0.6)
    return step(np.asarray(frayed, dtype=np.float32), 0.0, 0.35)


if __name__ == "__main__":
    sys.exit(main())
