"""Define a captured frame with its id, capture time and source."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_node.view.view import View


class Frame(PlainStruct, frozen=True):
    """One captured picture.

    Attributes:
        pixels: uint8 ``(height, width, 3)``, channels blue, green, red: OpenCV's order.
        frame_id: counts captured frames from 0, also those that are dropped or unchanged.
        captured_at_ns: ``time.monotonic_ns()`` on arrival: the clock of all ages.
        observed_at: the wall clock at the same moment, UTC. It may be wrong: see ``time_quality``.
        source: the camera's name or the file: what may be shown of ``[camera] source``.
        frozen: the live camera has repeated this picture for longer than ``frozen_after_ms``.
        view: recorded with this picture, which is a robot's evidence; it goes before the configuration's.
        unchanged: frames since the start that showed nothing new and were not to be judged.
    """

    pixels: NDArray[np.uint8]
    frame_id: int
    captured_at_ns: int
    observed_at: datetime
    source: str
    frozen: bool = False
    view: View | None = None
    unchanged: int = 0

    @property
    def age_ms(self) -> float:
        """Milliseconds since capture, on the monotonic clock."""
        return (time.monotonic_ns() - self.captured_at_ns) / 1e6


def frame_now(pixels: NDArray[np.uint8], frame_id: int, source: str, *, view: View | None = None) -> Frame:
    """Return ``pixels`` as a frame captured now."""
    return Frame(pixels, frame_id, time.monotonic_ns(), datetime.now(timezone.utc), source, view=view)
