"""Frame the pictures of a camera by its settings, and refuse sizes that these were not made for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.errors import ConfigError, CorrosionError
from edge_node.view.framing import Framing
from edge_node.view.settings import ViewSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.config.camera_section import CameraConfig

MIN_COUNTED_SHARE = 0.05  # of the view; of less the models would judge filling
_CHECKED_WIDTH_PX = 640  # calibrations are made at a camera's largest size, whose maps take 70 MB
_KEPT_SIZES = 3  # a camera has one; each may hold maps of 12 MB


class ViewMisfitError(CorrosionError):
    """A picture has another size than the view was made for."""


class View:
    """Make the picture that is judged of whatever picture the camera gives; for several threads."""

    def __init__(self, settings: ViewSettings) -> None:
        """Use ``settings``.

        Raises:
            ConfigError: they contradict each other, or too little of the view counts.
        """
        self.settings = settings
        self._lock = threading.Lock()
        self._framings: OrderedDict[tuple[int, int], Framing] = OrderedDict()
        if settings.known_size is not None:
            self._check(*settings.known_size)

    def misfit(self, width: int, height: int) -> str:
        """Return why a picture of this size cannot be framed, in a sentence; empty if it can."""
        found = "; ".join(self.settings.misfits(width, height))
        return found and f"the camera's picture has {width} x {height} pixels, but {found}"

    def describe(self, width: int, height: int) -> str:
        """Return what is judged of pictures of this size, which must fit, as a part of a sentence."""
        framing = self.framing(width, height)
        counted = framing.counted
        share = "" if counted is None else f", of which {counted.share:.0%} count"
        return f"{framing.size[0]} x {framing.size[1]} of {width} x {height} pixels are judged{share}"

    def framing(self, width: int, height: int) -> Framing:
        """Return the framing of pictures of this size.

        Raises:
            ViewMisfitError: the settings were made for another size.
        """
        with self._lock:
            if (found := self._framings.get((width, height))) is None:
                if text := self.misfit(width, height):
                    raise ViewMisfitError(text)
                found = self._framings[width, height] = Framing(self.settings, width, height)
                if len(self._framings) > _KEPT_SIZES:
                    self._framings.popitem(last=False)
            self._framings.move_to_end((width, height))
            return found

    def carry_mask(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return what a mask that lies over the camera's picture, at whatever size, is in the view."""
        width, height = self.settings.known_size or (mask.shape[1], mask.shape[0])
        whole = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)
        return self.framing(width, height).carry_mask(np.asarray(whole, np.uint8))

    def _check(self, width: int, height: int) -> None:
        """Refuse settings that could never give a view, for the size that they were made for."""
        if found := list(self.settings.misfits(width, height)):
            known = "the mask" if self.settings.mask is not None else "crop.of_px"
            raise ConfigError(f"{known} is of a picture of {width} x {height} pixels, but {'; '.join(found)}")
        if self.settings.mask is None and self.settings.crop is None:  # a lens alone: any size will do
            shrink = max(1.0, width / _CHECKED_WIDTH_PX)
            counted = Framing(self.settings, round(width / shrink), round(height / shrink)).counted
        else:
            counted = self.framing(width, height).counted
        if counted is not None and counted.share < MIN_COUNTED_SHARE:
            raise ConfigError(
                f"only {counted.share:.1%} of the view counts, wanted at least {MIN_COUNTED_SHARE:.0%}:"
                " the rest is masked or lies outside the camera's picture"
            )


def load_view(config: CameraConfig) -> View | None:
    """Return the view that a configuration asks for, with its files read; None for the picture as it is.

    Raises:
        ConfigError: a file cannot be used, or the settings give no view; all problems, a line each.
    """
    mask = lens = None
    problems = []
    for key in ("mask", "undistort"):
        if (name := getattr(config, key)) is None:
            continue
        try:
            # Lazily: what reads either file is of no use to most starts.
            if key == "mask":
                from edge_node.view.mask_file import read_mask

                mask = read_mask(Path(name))
            else:
                from edge_node.view.calibration_file import read_calibration

                lens = read_calibration(Path(name))
        except ConfigError as err:
            problems.append(f"[camera] {key}: {err}")
    if problems:
        raise ConfigError("\n".join(problems))
    settings = ViewSettings(config.rotate, config.flip, config.crop, lens, mask)
    if settings.is_plain:
        return None
    try:
        return View(settings)
    except ConfigError as err:
        raise ConfigError(f"[camera] {err}") from err
