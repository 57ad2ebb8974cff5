"""Define a rendered specimen: material, finish, hours of corrosion, light, and its truth."""

import enum
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

# ISO 4628-3: degree of rusting Ri 1 begins at 0.05 % of the area; less is Ri 0, not rusted.
MIN_CORRODED_FRACTION = 0.0005
# ISO 4628-3: Ri 5, its last degree, is 40 to 50 % of the area.
LATE_UNIFORM_FRACTION = 0.40
# Pits take little area and much depth: a tenth of a plate under pits and bloom is a plate to replace.
LATE_PITTING_FRACTION = 0.10
# One year; every kind of specimen is long overgrown by then.
MAX_CORROSION_HOURS = 8760.0


class Material(enum.Enum):
    """The metals of the thesis."""

    STEEL = "steel"
    GALVANIZED = "galvanized"
    ALUMINIUM = "aluminium"


class Finish(enum.Enum):
    """The treatment of the plate before it corroded."""

    # Drawn over with abrasive: parallel lines.
    BRUSHED = "brushed"
    # As it left the mill: scale on steel, spangle on galvanized iron, rolling lines on aluminium.
    ROLLED = "rolled"
    # A coat of paint, with chips where the metal will corrode.
    PAINTED = "painted"
    # As rolled or brushed, then scratched by use.
    SCRATCHED = "scratched"
    # Oil, dirt, water marks or brown stains: to look like corrosion and be none.
    STAINED = "stained"


class Light(enum.Enum):
    """The lighting of the thesis."""

    ROOM = "room"
    WINDOW = "window"
    FLASH = "flash"
    SUN = "sun"
    CLOUD = "cloud"


@dataclass(frozen=True, slots=True)
class SpecimenSpec:
    """One picture of one specimen; equal specs of equal size render to equal bytes.

    Attributes:
        material: the metal.
        finish: its surface before corrosion.
        corrosion_hours: time in the corrosive bath, 0 to ``MAX_CORROSION_HOURS``; 0 is clean.
        light: under which the picture is taken.
        seed: of the specimen: its surface and where it corrodes, at least 0.
        view: of the picture: camera angle, zoom, blur, noise and lamp position, at least 0.

    Raises:
        ValueError: a number is out of its range.
    """

    material: Material
    finish: Finish
    corrosion_hours: float = 0.0
    light: Light = Light.ROOM
    seed: int = 0
    view: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.corrosion_hours) and 0.0 <= self.corrosion_hours <= MAX_CORROSION_HOURS):
            raise ValueError(
                f"corrosion_hours is {self.corrosion_hours}, expected 0 to {MAX_CORROSION_HOURS:g}"
            )
        if self.seed < 0 or self.view < 0:
            raise ValueError(f"seed is {self.seed} and view is {self.view}, expected both to be 0 or more")


@dataclass(frozen=True, slots=True, eq=False)
class Specimen:
    """A rendered picture and the truth about it.

    Attributes:
        spec: what was asked for.
        pixels: uint8 ``(height, width, 3)``, BGR as OpenCV has it.
        mask: uint8 ``(height, width)``; 255 where corrosion covers the metal, 0 elsewhere.
    """

    spec: SpecimenSpec
    pixels: Picture
    mask: Picture

    @property
    def area_fraction(self) -> float:
        """Corroded share of the picture, 0 to 1."""
        return float(np.count_nonzero(self.mask)) / self.mask.size

    @property
    def corroded(self) -> bool:
        """Whether the picture shows at least Ri 1 of corrosion."""
        return self.area_fraction >= MIN_CORRODED_FRACTION

    @property
    def form(self) -> str:
        """``none``, ``uniform`` (rust, white rust) or ``pitting`` (aluminium)."""
        if not self.corroded:
            return "none"
        return "pitting" if self.spec.material is Material.ALUMINIUM else "uniform"

    @property
    def severity(self) -> str:
        """``none``, ``mid`` or ``late``, by the corroded area of this picture."""
        if not self.corroded:
            return "none"
        late = LATE_PITTING_FRACTION if self.form == "pitting" else LATE_UNIFORM_FRACTION
        return "late" if self.area_fraction >= late else "mid"
