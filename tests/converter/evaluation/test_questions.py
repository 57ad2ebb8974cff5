"""The questions of an evaluation: only those that a model's labels can answer."""

from __future__ import annotations

from pathlib import Path

from converter.data.dataset import Sample
from converter.evaluation.questions import choose_questions
from tests.support.cascades import cascade_of


def test_a_model_is_only_asked_what_its_labels_tell():
    """A material graph is not said to abstain from a condition that it has never heard of."""
    asked = {
        labels: [question.name for question in choose_questions(["scenes", "surfaces"], cascade_of(*labels))]
        for labels in [
            ("aluminium", "steel"),
            ("corroded", "uncorroded"),
            ("cat", "dog"),
            ("metal", "other"),
            ("none", "pitting"),
        ]
    }
    assert asked["aluminium", "steel"] == ["material"]
    assert asked["cat", "dog"] == ["label"]
    assert asked["metal", "other"] == ["metal or other"]
    assert "form" in asked["none", "pitting"]
    conditions = [
        "any metal corroded?",
        "steel corroded?",
        "aluminium corroded?",
        "scenes: any metal corroded?",
        "surfaces: any metal corroded?",
    ]
    assert asked["corroded", "uncorroded"] == conditions
    one_set = choose_questions(["surfaces"], cascade_of("corroded", "uncorroded"))
    assert [question.name for question in one_set] == conditions[:3]


def test_materials_beside_the_thesis_are_asked_where_labels_name_them():
    """A picture of galvanized iron counts for a cascade that knows it, and for no other."""
    galvanized = Sample(Path("a.png"), "a", labels={"material": "galvanized"})
    for labels, truth in (
        (("aluminium", "galvanized", "steel"), "galvanized iron"),
        (("aluminium", "steel"), None),
    ):
        (material,) = (one for one in choose_questions([], cascade_of(*labels)) if one.name == "material")
        assert material.truth(galvanized) == truth
