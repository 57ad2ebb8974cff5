"""Show the camera's picture at a distance along a pipe of the demonstration, on any of its passes.

A pipe is made of rendered pieces of plate, every second one mirrored, so that one goes over into the next.
The picture depends on the distance and the pass alone: a crawler that comes back sees the same place again,
and spots of corrosion only change between two passes, as they do between two inspections.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TILES = Path(__file__).parent / "tiles"
PX_PER_M = 1600
WIDTH_PX, HEIGHT_PX = 640, 480
TILE_PX = 1280
TILE_M = TILE_PX / PX_PER_M
GRID_M = 0.05  # places at which pictures are taken
_WELD_PX = 6  # half of a seam between two plates
_LAMP_OFF = 0.012  # of the light


@dataclass(frozen=True, slots=True)
class Spot:
    """A place where a pipe may be corroded.

    Attributes:
        tile: number of the piece whose middle it is.
        ages: from which pass on (from 0) it looks how old, in hours of the renderer; 0 is uncorroded.
    """

    tile: int
    ages: tuple[tuple[int, int], ...]

    def hours(self, pass_number: int) -> int:
        """Return how old the spot looks on a pass."""
        return max((since, hours) for since, hours in ((0, 0), *self.ages) if since <= pass_number)[1]


@dataclass(frozen=True, slots=True)
class Pipe:
    """A pipe of the demonstration.

    Attributes:
        plates: from which tile on it is made of which plate.
        spots: where it corrodes.
        tiles: number of its pieces.
        lamp_off: first and last metre, and the pass, on which the lamp fails.
    """

    asset: str
    tiles: int
    plates: tuple[tuple[int, str], ...]
    spots: tuple[Spot, ...]
    lamp_off: tuple[float, float, int] | None = None

    @property
    def length_m(self) -> float:
        """Length of the pipe."""
        return self.tiles * TILE_M

    def picture(self, distance_m: float, pass_number: int) -> NDArray[np.uint8]:
        """Return the picture whose middle lies at ``distance_m``: BGR, 480 by 640."""
        left = round(distance_m * PX_PER_M) - WIDTH_PX // 2
        parts = []
        at = left
        while at < left + WIDTH_PX:
            number, inside = divmod(at, TILE_PX)
            end = min(TILE_PX, inside + left + WIDTH_PX - at)
            parts.append(self._tile(number, pass_number)[:, inside:end])
            at += end - inside
        picture = np.ascontiguousarray(np.concatenate(parts, axis=1))
        self._draw_welds(picture, left)
        if self.lamp_off is not None:
            first_m, last_m, dark_pass = self.lamp_off
            if pass_number == dark_pass and first_m <= distance_m <= last_m:
                picture = cv2.convertScaleAbs(picture, alpha=_LAMP_OFF).astype(np.uint8)
        return picture

    def _plate(self, number: int) -> str:
        return max((since, name) for since, name in self.plates if since <= max(0, number))[1]

    def _tile(self, number: int, pass_number: int) -> NDArray[np.uint8]:
        hours = next((spot.hours(pass_number) for spot in self.spots if spot.tile == number), 0)
        return _read_tile(f"{self._plate(number)}-{hours}", is_mirrored=bool(number % 2))

    def _draw_welds(self, picture: NDArray[np.uint8], left: int) -> None:
        """Draw the seam between two plates where one is in view."""
        for since, _ in self.plates[1:]:
            middle = since * TILE_PX - left
            if -_WELD_PX < middle < WIDTH_PX + _WELD_PX:
                picture[:, max(0, middle - _WELD_PX) : middle + _WELD_PX] //= 5


PIPE_L7 = Pipe(
    asset="pipe L-7",
    tiles=30,
    plates=((0, "steel-a"), (10, "steel-b"), (20, "steel-c")),
    spots=(
        Spot(1, ((0, 25),)),
        Spot(5, ((2, 12), (5, 25), (9, 40))),  # new on the third pass
        Spot(12, ((0, 25), (1, 40), (2, 60), (4, 100), (7, 200))),  # grows fast
        Spot(17, ((0, 60),)),
        Spot(22, ((0, 200), (4, 0))),  # blasted and bare after the fourth pass
        Spot(27, ((0, 25), (3, 40), (8, 60))),
    ),
    lamp_off=(13.0, 15.0, 2),
)
PIPE_L9 = Pipe(
    asset="pipe L-9",
    tiles=22,
    plates=((0, "aluminium-a"), (11, "aluminium-b")),
    spots=(
        Spot(2, ((0, 120), (2, 200), (4, 300), (7, 400))),
        Spot(7, ((0, 300),)),
        Spot(13, ((0, 250),)),
        Spot(18, ((1, 120), (4, 250), (9, 400))),
    ),
)


@lru_cache(maxsize=12)
def _read_tile(name: str, *, is_mirrored: bool) -> NDArray[np.uint8]:
    tile = cv2.imread(str(TILES / f"{name}.jpg"))
    if tile is None:
        raise FileNotFoundError(f"{TILES / name}.jpg: a picture of the demonstration is missing")
    return np.ascontiguousarray(tile[:, ::-1] if is_mirrored else tile).astype(np.uint8)
