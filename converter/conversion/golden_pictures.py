"""Render the pictures whose outputs a bundle carries as its golden probe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from converter.specimens.rendering import render
from converter.specimens.spec import Finish, Light, Material, SpecimenSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Not the size of any input, so that the probe covers resizing too; small, because noise does not compress.
_GOLDEN_WIDTH_PX, _GOLDEN_HEIGHT_PX = 160, 120
_GOLDEN_SPECIMENS = (
    SpecimenSpec(Material.STEEL, Finish.BRUSHED, 0.0, Light.ROOM, seed=1),
    SpecimenSpec(Material.STEEL, Finish.ROLLED, 2000.0, Light.WINDOW, seed=2),
    SpecimenSpec(Material.ALUMINIUM, Finish.BRUSHED, 0.0, Light.FLASH, seed=3),
    SpecimenSpec(Material.ALUMINIUM, Finish.ROLLED, 2000.0, Light.SUN, seed=4),
    SpecimenSpec(Material.GALVANIZED, Finish.SCRATCHED, 500.0, Light.CLOUD, seed=5),
)


def render_golden_pictures() -> NDArray[np.uint8]:
    """Return the pictures of the golden probe, uint8 ``(pictures, height, width, 3)``.

    They are rendered, because a bundle may go where photographs may not; one is noise, which reaches ranges
    that surfaces do not.
    """
    noise = np.random.default_rng(0).integers(
        0, 256, (_GOLDEN_HEIGHT_PX, _GOLDEN_WIDTH_PX, 3), dtype=np.uint8
    )
    rendered = [render(spec, _GOLDEN_WIDTH_PX, _GOLDEN_HEIGHT_PX).pixels for spec in _GOLDEN_SPECIMENS]
    return np.stack([*rendered, noise])
