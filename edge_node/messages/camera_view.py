"""Define the view in numbers: how the picture that is judged is made of the camera's picture."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Flip = Literal["none", "horizontal", "vertical", "both"]
Rotation = Literal[0, 90, 180, 270]
COEFFICIENT_COUNTS = {"pinhole": (4, 5, 8, 12, 14), "fisheye": (4,)}
_Side = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
_Offset = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class Crop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of the turned picture that is judged. A crop of a picture of another size is refused.

    Attributes:
        left_px: columns that are cut off at the left.
        top_px: rows that are cut off at the top.
        width_px: width of the part.
        height_px: height of the part.
        of_px: width and height of the turned picture.
    """

    left_px: _Offset
    top_px: _Offset
    width_px: _Side
    height_px: _Side
    of_px: tuple[_Side, _Side]

    def __post_init__(self) -> None:
        """Refuse what reaches beyond the picture."""
        width, height = self.of_px
        right, bottom = self.left_px + self.width_px, self.top_px + self.height_px
        if right > width or bottom > height:
            raise ValueError(
                f"the crop reaches to {right} x {bottom} px, beyond the picture of {width} x {height} px"
            )


class Lens(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A camera's calibration, as OpenCV defines its numbers.

    Attributes:
        model: "pinhole" of cv2, or "fisheye" of cv2.fisheye.
        width_px: of the calibrated pictures.
        height_px: of the calibrated pictures.
        fx_px: focal length across.
        fy_px: focal length down.
        cx_px: principal point across.
        cy_px: principal point down.
        coefficients: of the distortion, in OpenCV's order.
        rotation: rectifying rotation, row by row; null for none.
        corrected: fx, fy, cx, cy of the corrected picture; null for those of the camera.
    """

    model: Literal["pinhole", "fisheye"]
    width_px: _Side
    height_px: _Side
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    coefficients: tuple[float, ...]
    rotation: tuple[float, ...] | None = None
    corrected: tuple[float, float, float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse a number of coefficients that OpenCV does not know."""
        counts = COEFFICIENT_COUNTS[self.model]
        if len(self.coefficients) not in counts:
            raise ValueError(
                f"{len(self.coefficients)} distortion coefficients, a {self.model} camera has"
                f" {' or '.join(map(str, counts))}"
            )
        if self.rotation is not None and len(self.rotation) != 9:
            raise ValueError(f"a rotation of {len(self.rotation)} numbers, wanted 3 x 3")


class CameraView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The view in force: lens corrected, then turned clockwise, then flipped, then cropped.

    Attributes:
        camera_width_px: of the camera's picture.
        camera_height_px: of the camera's picture.
        width_px: of the view, which is judged.
        height_px: of the view.
        counted_px: pixels of the view that count: not masked, and inside the camera's picture.
        rotate_deg: clockwise.
        flip: "horizontal" exchanges left and right.
        crop: of the turned picture; null for all of it.
        lens: whose distortion is corrected; null for none.
        focal_px: focal length of the view, in its pixels; null without a lens.
        has_mask: whether a mask of the camera's picture is in force.
    """

    camera_width_px: _Side
    camera_height_px: _Side
    width_px: _Side
    height_px: _Side
    counted_px: int
    rotate_deg: Rotation = 0
    flip: Flip = "none"
    crop: Crop | None = None
    lens: Lens | None = None
    focal_px: float | None = None
    has_mask: bool = False
