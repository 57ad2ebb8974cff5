"""Grade a corroded share of the area by ISO 4628-3 and ASTM D610, which are for painted steel. Pure."""

from __future__ import annotations

import numpy as np

from edge_node.messages.verdict import Decision, Grades

NOT_RUSTED = "Ri 0"
_NOT_STEEL = ("alumin", "brass", "copper", "magnesium", "nickel", "titan", "zinc")
_OTHER_STEEL = ("galvani", "stainless")  # its corrosion is another

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


def grade(decision: Decision, *, is_painted_steel: bool) -> Grades | None:
    """Return the grades nearest to the decision's area, or None where the standards do not apply.

    Args:
        decision: with the estimated area.
        is_painted_steel: the operator says that what is inspected is painted steel.
    """
    area = decision.area_fraction
    if not is_painted_steel or area is None or not may_be_graded(decision.material, area):
        return None
    return Grades(iso_4628_3=iso_4628_3(area), astm_d610=astm_d610(area))


def may_be_graded(material: str | None, area: float) -> bool:
    """Return whether neither the material that was found nor the area contradicts a grade of rust.

    Corroded metal whose map shows no area would get the grades of metal without rust.
    """
    words = (material or "steel").lower()
    return (
        ("steel" in words or "iron" in words) and not _names_other(words) and iso_4628_3(area) != NOT_RUSTED
    )


def may_be_shown(line: str, verdict: str) -> bool:
    """Return whether a line of text on a picture is no grade that the verdict's text contradicts.

    Nodes before 0.7.0 wrote grades on the pictures of every metal, and of none that is rusted.
    """
    return "ISO 4628-3" not in line or not (NOT_RUSTED in line or _names_other(verdict.lower()))


def _names_other(words: str) -> bool:
    return any(metal in words for metal in (*_NOT_STEEL, *_OTHER_STEEL))


def iso_4628_3(fraction: float) -> str:
    """Return the degree of rusting whose area is nearest to ``fraction`` by ratio.

    Source: ISO 4628-3:2016, table 1.
    """
    percent = 100.0 * fraction
    if percent < _ISO_PERCENT[0][1] / 2:
        return NOT_RUSTED
    degree, _ = min(_ISO_PERCENT, key=lambda point: abs(np.log(percent / point[1])))
    return f"Ri {degree}"


def astm_d610(fraction: float) -> int:
    """Return the rust grade whose range ``fraction`` lies in; the upper bound belongs to the grade.

    Source: ASTM D610, table 1.
    """
    percent = 100.0 * fraction
    return next((grade for grade, bound in _ASTM_PERCENT if percent <= bound), 0)
