"""Degrees and grades of the standards for a corroded area."""

from __future__ import annotations

import pytest

from edge_node.inspection.grades import astm_d610, grade, iso_4628_3, may_be_shown
from edge_node.messages.verdict import Decision, Grades, Outcome


@pytest.mark.parametrize(
    ("percent", "degree"),
    [
        (0.0, "Ri 0"),
        (0.02, "Ri 0"),
        (0.03, "Ri 1"),
        (0.05, "Ri 1"),
        (0.15, "Ri 1"),  # below 0.158, the geometric mean of 0.05 and 0.5
        (0.17, "Ri 2"),
        (0.5, "Ri 2"),
        (1.0, "Ri 3"),
        (2.8, "Ri 3"),  # geometric mean of 1 and 8: 2.83
        (2.9, "Ri 4"),
        (8.0, "Ri 4"),
        (18.0, "Ri 4"),
        (20.0, "Ri 5"),  # geometric mean of 8 and 45: 18.97
        (100.0, "Ri 5"),
    ],
)
def test_iso_4628_3_names_the_degree_nearest_by_ratio(percent, degree):
    """The standard's own points are hit; between them the geometric mean divides."""
    assert iso_4628_3(percent / 100) == degree


@pytest.mark.parametrize(
    ("percent", "grade"),
    [
        (0, 10),
        (0.01, 10),
        (0.02, 9),
        (0.1, 8),
        (0.3, 7),
        (1, 6),
        (3, 5),
        (10, 4),
        (16, 3),
        (33, 2),
        (50, 1),
        (51, 0),
    ],
)
def test_astm_d610_names_the_grade_whose_range_holds_the_area(percent, grade):
    """Each grade's upper bound belongs to it; above the last it is 0."""
    assert astm_d610(percent / 100) == grade


@pytest.mark.parametrize(
    ("material", "area", "is_painted_steel", "degree"),
    [
        ("steel", 0.08, True, "Ri 4"),
        ("mild_steel", 0.08, True, "Ri 4"),
        (None, 0.08, True, "Ri 4"),
        ("steel", 0.08, False, None),
        (None, 0.08, False, None),
        ("aluminium", 0.08, True, None),
        ("galvanized_iron", 0.08, True, None),
        ("stainless steel", 0.08, True, None),
        ("steel", None, True, None),
        ("steel", 0.0, True, None),
        ("steel", 0.0002, True, None),
    ],
)
def test_only_rust_of_painted_steel_is_graded(material, area, is_painted_steel, degree):
    """Not other metal, not what the operator did not call painted steel, and never "Ri 0"."""
    decision = Decision(outcome=Outcome.CORRODED, material=material, area_fraction=area)
    found = grade(decision, is_painted_steel=is_painted_steel)
    assert found == (degree and Grades(iso_4628_3=degree, astm_d610=4))


def test_lines_on_older_pictures_that_contradict_their_verdict_are_not_shown():
    """Nodes before 0.7.0 graded every metal, also where the map showed nothing."""
    line = "near ISO 4628-3 Ri 3, ASTM D610 5"
    assert may_be_shown(line, "corroded steel mid")
    assert not may_be_shown(line, "corroded aluminium pitting")
    assert not may_be_shown("near ISO 4628-3 Ri 0, ASTM D610 10", "corroded steel mid")
    assert may_be_shown("about 3% of the picture", "corroded aluminium pitting")
