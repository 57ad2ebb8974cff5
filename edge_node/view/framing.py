"""Make the view of one camera picture size: by slices where no lens is corrected, else by one remap. Pure.

What a setting costs is paid once for each picture size: positions are computed in advance, in fixed point.
Pixels that do not count become grey, which says nothing to most models: their input is scaled to be 0 there.
Of 539 photographs with a robot's dark wheel before an eighth of the picture, the default bundle judges 9.5 %
otherwise than without the wheel. With the wheel masked and filled with black it is 4.8 %, with the mean
colour of the rest 3.0 %, with grey 1.7 %: ``tests/benchmarks/view_fill.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_node.messages.camera_view import CameraView
from edge_node.view.counted_pixels import COUNTS, CountedPixels
from edge_node.view.lens_maps import corrected_focal, make_lens_maps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.messages.camera_view import Crop, Lens
    from edge_node.view.settings import ViewSettings

FILL_GREY = 127
_SAMPLES = 3  # along a side of a cell, where a map of the view is carried over to the camera's picture


class Framing:
    """Make the view of camera pictures of one size; may be used by several threads.

    Attributes:
        counted: which pixels of the view count; None where all do.
        numbers: what is in force, for messages.
    """

    def __init__(self, settings: ViewSettings, width: int, height: int) -> None:
        """Prepare for camera pictures of ``width`` x ``height``, which ``settings`` must fit."""
        self.settings = settings
        self._camera = (width, height)
        self._orientation = settings.orientation
        turned = (height, width) if self._orientation[0] else (width, height)
        self._crop = _rectangle(settings.crop, turned)
        self._maps = None if settings.lens is None else self._make_maps(settings.lens)
        counted = self._find_counted()
        self.counted = None if counted is None or counted.all() else CountedPixels(counted)
        self._positions: dict[tuple[int, int], _Positions] = {}
        self.numbers = self._describe()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the view, px."""
        return self._crop[2], self._crop[3]

    @property
    def is_transposed(self) -> bool:
        """Whether lines of the view are columns of the camera's picture."""
        return self._orientation[0]

    @property
    def focal_px(self) -> float | None:
        """Focal length of the view in its pixels; None where no lens is known."""
        lens = self.settings.lens
        if lens is None:
            return None
        across, down = corrected_focal(lens, *self._camera)
        return float(np.sqrt(across * down))

    def render(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the view of a camera picture, uint8 ``(height, width, 3)``, blue, green, red."""
        view = self._cut(pixels) if self._maps is None else _remap(pixels, self._maps)
        if self.counted is not None:
            return _fill(view, self.counted.mask)
        return view.copy() if np.may_share_memory(view, pixels) else view

    def carry_mask(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return what a mask of the camera's picture is in the view; 0 where that does not count."""
        if self._maps is None:
            view = self._cut(mask)
        else:
            view = np.asarray(cv2.remap(mask, *self._maps, cv2.INTER_NEAREST), np.uint8)
        return (
            view if self.counted is None else np.asarray(cv2.bitwise_and(view, self.counted.mask), np.uint8)
        )

    def footprint(self, rows: int, columns: int) -> NDArray[np.uint8]:
        """Return for each cell of a grid over the camera's picture whether it counts: 255, or 0."""
        return self._positions_at(rows, columns).inside.astype(np.uint8) * COUNTS

    def to_camera(self, values: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
        """Carry a map of the view over to the camera's picture; 0 where that is not judged.

        Args:
            values: float32 ``(rows, columns)`` over the view.
            rows: of the result.
            columns: of the result.
        """
        at = self._positions_at(rows, columns)
        width, height = self.size
        across = np.clip((at.across + 0.5) * (values.shape[1] / width) - 0.5, 0, values.shape[1] - 1)
        down = np.clip((at.down + 0.5) * (values.shape[0] / height) - 0.5, 0, values.shape[0] - 1)
        moved = cv2.remap(values, across.astype(np.float32), down.astype(np.float32), cv2.INTER_LINEAR)
        return np.asarray(np.where(at.inside, moved, 0), np.float32)

    def _make_maps(self, lens: Lens) -> tuple[NDArray[np.int16], NDArray[np.uint16]]:
        """Return where each pixel of the view lies in the camera's picture, in 32nds of a pixel."""
        across, down = (self._cut(values) for values in make_lens_maps(lens, *self._camera))
        whole, part = cv2.convertMaps(across, down, cv2.CV_16SC2)
        return np.asarray(whole, np.int16), np.asarray(part, np.uint16)

    def _cut(self, values: NDArray[Any]) -> NDArray[Any]:
        """Turn, flip and crop what belongs to the camera's picture; without a copy where none is needed."""
        is_transposed, across, down = self._orientation
        left, top, width, height = self._crop
        turned = self._camera[::-1] if is_transposed else self._camera
        left = turned[0] - left - width if across else left
        top = turned[1] - top - height if down else top
        if is_transposed:
            values = cv2.transpose(values[left : left + width, top : top + height])
        else:
            values = values[top : top + height, left : left + width]
        if across or down:
            return np.asarray(cv2.flip(values, -1 if across and down else int(across)))
        return np.asarray(values)

    def _find_counted(self) -> NDArray[np.uint8] | None:
        mask, (width, height) = self.settings.mask, self._camera
        if self._maps is None:
            return None if mask is None else np.ascontiguousarray(self._cut(mask))
        if mask is None:
            mask = np.full((height, width), COUNTS, np.uint8)
        smooth = _remap(mask, self._maps)  # 0 beyond the camera's picture
        return np.where(smooth == COUNTS, COUNTS, 0).astype(np.uint8)

    def _positions_at(self, rows: int, columns: int) -> _Positions:
        if (rows, columns) not in self._positions:
            self._positions[rows, columns] = self._find_positions(rows, columns)
        return self._positions[rows, columns]

    def _find_positions(self, rows: int, columns: int) -> _Positions:
        """Return the mean position in the view of each cell over the camera's picture.

        Taken from samples of the view, whose positions in the camera's picture are known: a lens's
        distortion has no inverse in closed form.
        """
        camera_width, camera_height = self._camera
        step = max(1, int(min(camera_width / columns, camera_height / rows) / _SAMPLES))
        width, height = self.size
        across, down = np.meshgrid(np.arange(0, width, step), np.arange(0, height, step))
        x, y = self._in_camera(across, down)
        cell_x = np.floor((x + 0.5) * columns / camera_width).astype(np.int64)
        cell_y = np.floor((y + 0.5) * rows / camera_height).astype(np.int64)
        counts = (cell_x >= 0) & (cell_x < columns) & (cell_y >= 0) & (cell_y < rows)
        if self.counted is not None:
            counts &= self.counted.mask[::step, ::step] > 0
        cell = (cell_y * columns + cell_x)[counts]
        found = np.bincount(cell, minlength=rows * columns)
        sums = (np.bincount(cell, values[counts], minlength=rows * columns) for values in (across, down))
        means = [(total / np.maximum(found, 1)).reshape(rows, columns) for total in sums]
        return _Positions(means[0], means[1], (found > 0).reshape(rows, columns))

    def _in_camera(
        self, across: NDArray[np.int64], down: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the positions of pixels of the view in the camera's picture."""
        if self._maps is not None:
            whole, part = self._maps[0][down, across], self._maps[1][down, across].astype(np.int64)
            return whole[..., 0] + (part & 31) / 32, whole[..., 1] + (part >> 5) / 32
        is_transposed, flipped_across, flipped_down = self._orientation
        turned = self._camera[::-1] if is_transposed else self._camera
        x, y = (across + self._crop[0]).astype(np.float64), (down + self._crop[1]).astype(np.float64)
        x = turned[0] - 1 - x if flipped_across else x
        y = turned[1] - 1 - y if flipped_down else y
        return (y, x) if is_transposed else (x, y)

    def _describe(self) -> CameraView:
        settings, (width, height) = self.settings, self.size
        return CameraView(
            camera_width_px=self._camera[0],
            camera_height_px=self._camera[1],
            width_px=width,
            height_px=height,
            counted_px=width * height if self.counted is None else self.counted.count,
            rotate_deg=settings.rotate_deg,
            flip=settings.flip,
            crop=settings.crop,
            lens=settings.lens,
            focal_px=self.focal_px,
            has_mask=settings.mask is not None,
        )


class _Positions:
    """For each cell over the camera's picture its place in the view, px, and whether it has one."""

    __slots__ = ("across", "down", "inside")

    def __init__(
        self, across: NDArray[np.float64], down: NDArray[np.float64], inside: NDArray[np.bool_]
    ) -> None:
        self.across = across
        self.down = down
        self.inside = inside


def _rectangle(crop: Crop | None, turned: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return left, top, width and height of what is judged of the turned picture."""
    if crop is None:
        return 0, 0, *turned
    return crop.left_px, crop.top_px, crop.width_px, crop.height_px


def _fill(view: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the view with grey where it does not count."""
    return np.asarray(cv2.copyTo(view, mask, np.full_like(view, FILL_GREY)), np.uint8)


def _remap(
    pixels: NDArray[np.uint8], maps: tuple[NDArray[np.int16], NDArray[np.uint16]]
) -> NDArray[np.uint8]:
    return np.asarray(cv2.remap(pixels, maps[0], maps[1], cv2.INTER_LINEAR), np.uint8)
