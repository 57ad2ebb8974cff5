"""Watch whether verdicts get the areas in mm² that the configuration asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.messages.status import Part, PartState

if TYPE_CHECKING:
    from edge_node.inspection.surface_scale import SurfaceScale
    from edge_node.messages.verdict import Verdict

_PATIENCE_NS = 5_000_000_000  # a sensor that misses some surfaces does not change the status twice a second


class ScaleWatch:
    """Tell from the verdicts whether the scale of the pictures is known.

    Attributes:
        part: the state for the status message; None where no scale is configured.
    """

    def __init__(self, scale: SurfaceScale) -> None:
        self._scale = scale
        self._missing_since_ns: int | None = None
        self.part: Part | None = None
        if scale.is_wanted:
            self.part = Part(state=PartState.STARTING, text="no picture was judged yet")

    def see(self, verdict: Verdict, size: tuple[int, int]) -> None:
        """Note a verdict, and the width and height of its picture, px."""
        if verdict.mm_per_px is not None:
            self._missing_since_ns = None
            key = "mm_per_px" if self._scale.mm_per_px is not None else "range_mm"
            self.part = Part(state=PartState.OK, text=f"from {key}, as if seen head-on")
        elif self.part is not None:
            now_ns = verdict.monotonic_ns
            since_ns = now_ns if self._missing_since_ns is None else self._missing_since_ns
            self._missing_since_ns = since_ns
            if now_ns - since_ns >= _PATIENCE_NS:
                text = self._scale.explain_unknown(verdict.pose, size)
                self.part = Part(state=PartState.FAILING, text=text)
