"""Tell by how much the distances of one pass differ from those on the asset. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_node.control_room.history.defects.spots import DEFAULT_SIGMA_M, MAX_DRIFT

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCALE_SD = 2 * MAX_DRIFT
_OFFSET_SD_M = 1.0
_FEW, _FAR_M = 4, 3.0  # common places that tell another beginning, and from how far off
_NEAR_M = 3.0  # places so near share what the line does not say of the drift
_SHRINK = 2.0  # common places count as much as this many that say nothing


@dataclass(frozen=True, slots=True)
class PassDrift:
    """The drift of one pass: a line, and what common places nearby say beside it.

    Attributes:
        common: places that both the pass and others saw, own and asset's distance of each.
        sigma_m: how far single places are from it; without common places what the drift may be.
    """

    pass_id: str
    robot: str
    spans: tuple[tuple[str, int, int], ...]
    scale: float
    offset_m: float
    sigma_m: float
    common: tuple[tuple[float, float], ...] = ()

    @property
    def is_sure(self) -> bool:
        """Whether several common places tell it."""
        return len(self.common) >= 3

    def holds(self, robot: str, epoch: str, seq: int) -> bool:
        """Tell whether a verdict is of this pass, between its first finding and its last."""
        return robot == self.robot and any(
            epoch == name and first <= seq <= last for name, first, last in self.spans
        )

    def to_asset(self, own_m: float) -> float:
        """Return the asset's distance of a place by the pass's own distance."""
        line = self.scale * own_m + self.offset_m
        if not self.common:
            return line
        own, there = np.array(self.common).T
        weights = np.exp(-0.5 * ((own_m - own) / _NEAR_M) ** 2)
        beside = there - (self.scale * own + self.offset_m)
        return float(line + (weights * beside).sum() / (weights.sum() + _SHRINK))

    def to_own(self, asset_m: float) -> float:
        """Return the pass's own distance of a place by the asset's distance."""
        own_m = (asset_m - self.offset_m) / self.scale
        for _ in range(4):  # what lies beside the line changes slowly
            own_m += (asset_m - self.to_asset(own_m)) / self.scale
        return own_m


def fit_drift(
    common: Sequence[tuple[float, float]], named: tuple[str, str, tuple[tuple[str, int, int], ...]]
) -> PassDrift:
    """Fit the drift of a pass to its common places, own and asset's distance of each.

    Without any, distances are taken as they are.

    Args:
        common: may be empty.
        named: the pass's id, its robot, and the numbers of its verdicts by epoch.
    """
    if not common:
        return PassDrift(*named, 1.0, 0.0, DEFAULT_SIGMA_M)
    own, there = np.array(common).T
    # A line, towards no drift where there is little to tell it.
    sign, middle_m = _find_way(own, there)
    rows = np.stack([own, np.ones_like(own)], axis=1) / DEFAULT_SIGMA_M
    prior = np.diag([1 / _SCALE_SD**2, 1 / _OFFSET_SD_M**2])
    wanted = rows.T @ (there / DEFAULT_SIGMA_M) + prior @ np.array([sign, middle_m])
    scale, offset = np.linalg.solve(rows.T @ rows + prior, wanted)
    drift = PassDrift(*named, float(scale), float(offset), DEFAULT_SIGMA_M, tuple(sorted(common)))
    apart = [drift.to_asset(one) - two for one, two in common]
    sigma_m = max(0.02, float(np.sqrt(np.mean(np.square(apart))))) if len(common) > 2 else DEFAULT_SIGMA_M
    return PassDrift(
        *named,
        drift.scale,
        drift.offset_m,
        sigma_m,
        tuple((float(one), float(two)) for one, two in drift.common),
    )


def _find_way(own: np.ndarray, there: np.ndarray) -> tuple[float, float]:
    """Return whether a pass counts along the asset (1) or against it (-1), and from where about."""
    if len(own) < _FEW:
        return 1.0, 0.0
    sign = -1.0 if float(((own - own.mean()) * (there - there.mean())).sum()) < 0 else 1.0
    middle_m = float(np.median(there - sign * own))
    return sign, middle_m if sign < 0 or abs(middle_m) > _FAR_M else 0.0
