"""Hold the settings of a view, and say of a camera's picture whether they were made for it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from edge_node.messages.camera_view import Crop, Flip, Lens, Rotation


class ViewSettings(PlainStruct, frozen=True, eq=False):
    """How the picture that is judged is made: lens corrected, turned, flipped, cropped.

    Attributes:
        rotate_deg: clockwise.
        flip: "horizontal" exchanges left and right.
        crop: of the turned picture.
        lens: whose distortion is corrected.
        mask: of the camera's own picture, uint8 ``(height, width)``: 255 counts, 0 does not.
        of_px: width and height of the one picture that they were recorded with; None for a camera's.
    """

    rotate_deg: Rotation = 0
    flip: Flip = "none"
    crop: Crop | None = None
    lens: Lens | None = None
    mask: NDArray[np.uint8] | None = None
    of_px: tuple[int, int] | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the camera's picture is judged as it is."""
        return self.orientation == (False, False, False) and not (
            self.crop or self.lens or self.mask is not None
        )

    @property
    def orientation(self) -> tuple[bool, bool, bool]:
        """Whether the picture is transposed, then flipped left and right, then upside down."""
        across = (self.rotate_deg in (90, 180)) != (self.flip in ("horizontal", "both"))
        down = (self.rotate_deg in (180, 270)) != (self.flip in ("vertical", "both"))
        return self.rotate_deg in (90, 270), across, down

    @property
    def known_size(self) -> tuple[int, int] | None:
        """Width and height of the camera's picture that the settings were made for, if one of them says."""
        if self.of_px is not None:
            return self.of_px
        if self.mask is not None:
            return self.mask.shape[1], self.mask.shape[0]
        if self.crop is not None:
            return self._unturned(self.crop.of_px)
        return None if self.lens is None else (self.lens.width_px, self.lens.height_px)

    def misfits(self, width: int, height: int) -> Iterator[str]:
        """Yield for each setting that was made for pictures of another size what it wants, as a sentence."""
        if self.of_px is not None and self.of_px != (width, height):
            yield f"the robot's had {self.of_px[0]} x {self.of_px[1]}: it was turned, scaled or cut since"
            return
        if self.mask is not None and self.mask.shape[:2] != (height, width):
            yield f"the mask has {self.mask.shape[1]} x {self.mask.shape[0]} pixels"
        if self.crop is not None and self._unturned(self.crop.of_px) != (width, height):
            of = self._unturned(self.crop.of_px)
            turned = ", before turning" if of != self.crop.of_px else ""
            yield f"crop.of_px is a picture of {of[0]} x {of[1]} pixels{turned}"
        if self.lens is not None and not _are_alike(
            (self.lens.width_px, self.lens.height_px), (width, height)
        ):
            yield (
                f"undistort was calibrated on pictures of {self.lens.width_px} x {self.lens.height_px}"
                " pixels, which have another shape"
            )

    def _unturned(self, size: tuple[int, int]) -> tuple[int, int]:
        return (size[1], size[0]) if self.orientation[0] else size


def _are_alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Tell whether two sizes have one shape, up to the rounding of a pixel."""
    return abs(one[0] * other[1] - one[1] * other[0]) <= max(*one, *other)
