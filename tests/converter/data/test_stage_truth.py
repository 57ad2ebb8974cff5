"""From what is known of a picture to what each stage ought to say of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from converter.data.dataset import Sample
from converter.data.stage_truth import UNKNOWN, find_stage_truth, read_corroded, with_meanings
from converter.graphs.label_meanings import derive_meanings
from edge_node.inference.manifest import Cascade, Stage


def stage(name: str, *labels: str, **routes: str) -> Stage:
    """A stage whose labels mean what their words say."""
    return Stage(
        name=name, labels=labels, model="m", output="o", routes=routes, meanings=derive_meanings(labels)
    )


CASCADE = Cascade(
    root="material",
    stages=(
        stage("material", "aluminium", "steel", steel="steel"),
        stage("steel", "corroded", "uncorroded", corroded="severity"),
        stage("severity", "late", "mid"),
    ),
)


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        ({"material": "steel", "corroded": "corroded", "severity": "mid"}, (1, 0, 1)),
        ({"material": "steel", "corroded": "uncorroded", "severity": "none"}, (1, 1, UNKNOWN)),
        # Aluminium is not what the steel stage was asked about.
        ({"material": "aluminium", "corroded": "corroded", "severity": "late"}, (0, UNKNOWN, UNKNOWN)),
        # An unknown material is not guessed from the rest.
        ({"corroded": "corroded", "severity": "late"}, (UNKNOWN, UNKNOWN, UNKNOWN)),
        # A severity that is none of the stage's labels.
        ({"material": "steel", "corroded": "corroded", "severity": "light"}, (1, 0, UNKNOWN)),
        # Folders named after classes count for whichever stage has that label.
        ({"label": "uncorroded"}, (UNKNOWN, 1, UNKNOWN)),
    ],
)
def test_each_stage_is_judged_on_what_rightly_reaches_it(known, wanted):
    """Index of the right label per stage, or UNKNOWN."""
    sample = Sample(Path("a.jpg"), "g", labels=known)
    assert tuple(find_stage_truth(CASCADE, stage, sample) for stage in CASCADE.stages) == wanted


def test_a_material_has_one_name_whoever_wrote_it():
    """A row says galvanized, its label means galvanized iron: the same."""
    root = stage("material", "galvanized", "steel")
    sample = Sample(Path("a.jpg"), "g", labels={"material": "galvanized"})
    assert find_stage_truth(Cascade(root="material", stages=(root,)), root, sample) == 0


ROOTED = Cascade(
    root="root",
    stages=(stage("root", "metal", "other", metal="steel"), stage("steel", "corroded", "uncorroded")),
)


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        ({"metal": "metal", "corroded": "corroded"}, (0, 0)),
        ({"metal": "metal"}, (0, UNKNOWN)),
        ({"metal": "other"}, (1, UNKNOWN)),
        # Not said and not guessed; what is not known to be metal does not count for the stages below either.
        ({"corroded": "corroded"}, (UNKNOWN, UNKNOWN)),
    ],
)
def test_what_is_no_metal_reaches_no_other_stage(known, wanted):
    """The root's right answer is metal or other, and stages below are judged on metal alone."""
    sample = Sample(Path("a.jpg"), "g", labels=known)
    assert tuple(find_stage_truth(ROOTED, stage, sample) for stage in ROOTED.stages) == wanted


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        ({"corroded": "corroded"}, True),
        ({"corroded": "uncorroded"}, False),
        ({}, None),
        ({"label": "mid"}, None),
    ],
)
def test_the_outcome_is_known_or_not(known, wanted):
    """Corroded, not, or not known."""
    assert read_corroded(Sample(Path("a.jpg"), "g", labels=known)) is wanted


def test_folder_names_are_read_as_labels():
    """A class folder called 'corroded steel' answers the questions about material and condition."""
    (sample,) = with_meanings([Sample(Path("x"), "g", labels={"label": "corroded steel"})])
    assert sample.labels == {
        "label": "corroded steel",
        "material": "steel",
        "corroded": "corroded",
        "metal": "metal",
    }
