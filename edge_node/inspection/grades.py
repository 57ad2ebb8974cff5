"""Grade a corroded share of the area by ISO 4628-3 and ASTM D610."""

from __future__ import annotations

import numpy as np

# ISO 4628-3:2016, table 1: rusted area in percent. The scale grows by factors, so the nearest degree is the
# one nearest by ratio; less than half of the first counts as none.
_ISO_PERCENT = ((1, 0.05), (2, 0.5), (3, 1.0), (4, 8.0), (5, 45.0))  # Ri 5 is 40 to 50 %

# ASTM D610, table 1: rust grade by the largest rusted area in percent that it allows.
_ASTM_PERCENT = (
    (10, 0.01),
    (9, 0.03),
    (8, 0.1),
    (7, 0.3),
    (6, 1.0),
    (5, 3.0),
    (4, 10.0),
    (3, 16.0),
    (2, 33.0),
    (1, 50.0),
)


def iso_4628_3(fraction: float) -> str:
    """Return the degree of rusting whose area is nearest to ``fraction`` by ratio.

    Source: ISO 4628-3:2016, table 1.
    """
    percent = 100.0 * fraction
    if percent < _ISO_PERCENT[0][1] / 2:
        return "Ri 0"
    degree, _ = min(_ISO_PERCENT, key=lambda point: abs(np.log(percent / point[1])))
    return f"Ri {degree}"


def astm_d610(fraction: float) -> int:
    """Return the rust grade whose range ``fraction`` lies in; the upper bound belongs to the grade.

    Source: ASTM D610, table 1.
    """
    percent = 100.0 * fraction
    return next((grade for grade, bound in _ASTM_PERCENT if percent <= bound), 0)
