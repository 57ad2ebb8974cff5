"""What the words of labels mean, and what they leave open."""

from __future__ import annotations

import pytest

from converter.graphs.label_meanings import derive_meanings, find_doubts, read_meanings
from edge_node.errors import DatasetError
from edge_node.inference.manifest import Meaning

_DENIED = """
    without rust; rust free; rustfree; NoRust; norust; absence of corrosion; never rusted;
    after rust removal; rust removed; not yet corroded; no signs of corrosion; rust not visible;
    rust_no; rust: no; corrosion absent; free from corrosion; no dirt or rust; rust negative;
    w/o rust; isn't rusty; non-corroded; no pitting corrosion; before corrosion; rust none;
    metal without rust; no rust and clean; lack of rust; uncorroded
"""
_STATED = """
    with rust; before rust removal; rusty, not painted; no dirt but rust; not uncorroded; oxidized
"""
_OPEN = """
    almost no rust; rust proof; rust-resistant steel; anti-rust paint; rusty and clean;
    rust or not; no dirt and rust; not clean; before cleaning; rust-coloured paint; maybe rust;
    good; 3
"""


def _split(labels: str) -> list[str]:
    return [label.strip() for label in labels.split(";")]


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (("corroded", "uncorroded"), [Meaning(corroded=True), Meaning(corroded=False)]),
        (("not corroded", "rusty"), [Meaning(corroded=False), Meaning(corroded=True)]),
        (("aluminium", "mild steel"), [Meaning(material="aluminium"), Meaning(material="steel")]),
        (
            ("galvanized iron corroded", "clean aluminum"),
            [
                Meaning(material="galvanized iron", corroded=True),
                Meaning(material="aluminium", corroded=False),
            ],
        ),
        # Grading what is known to be corroded says nothing about whether it is.
        (("late", "mid"), [Meaning(severity="late"), Meaning(severity="mid")]),
        (
            ("none", "mid"),
            [Meaning(severity="none", corroded=False), Meaning(severity="mid", corroded=True)],
        ),
        (("pitted", "uncorroded"), [Meaning(corroded=True, form="pitting"), Meaning(corroded=False)]),
        (("background", "steel"), [Meaning(metal=False), Meaning(material="steel")]),
        (("metal", "other"), [Meaning(metal=True), Meaning(metal=False)]),
    ],
)
def test_words_say_what_a_label_means(labels, wanted):
    """Material, condition, severity, form, or that there is no metal."""
    found = derive_meanings(labels)
    assert [found[label] for label in labels] == wanted


def test_words_without_a_meaning_say_nothing():
    """Unknown words are left out, not guessed."""
    assert derive_meanings(("daisy", "tulip")) == {}


@pytest.mark.parametrize(
    "label",
    _split(_DENIED),
)
def test_no_is_no_wherever_it_stands(label):
    """A negation before, behind or within the word means uncorroded, and no form or lack of metal."""
    found = derive_meanings((label,))[label]
    assert (found.corroded, found.form, found.metal) == (False, None, None)


@pytest.mark.parametrize("label", _split(_STATED))
def test_a_negation_of_something_else_leaves_corrosion(label):
    """Only the next word that states something is negated."""
    assert derive_meanings((label,))[label].corroded is True


@pytest.mark.parametrize(
    "label",
    _split(_OPEN),
)
def test_what_words_leave_open_stays_open(label):
    """No condition is guessed."""
    found = derive_meanings((label,)).get(label)
    assert found is None or found.corroded is None


def test_no_rust_on_a_metal_is_that_metal():
    """The negation belongs to the rust; a metal that is negated is none."""
    assert derive_meanings(("no rust on steel",)) == {
        "no rust on steel": Meaning(material="steel", corroded=False)
    }
    assert derive_meanings(("not steel",)) == {}


@pytest.mark.parametrize(
    ("labels", "said", "to_state"),
    [
        (("rust", "good"), "'good'", ("good",)),
        (("daisy", "tulip"), "'daisy' and 'tulip'", ("daisy", "tulip")),
        (("rusty", "with rust"), "mean the same", ("rusty", "with rust")),
        (("rust", "clean", "steel"), "'steel' says neither", ("steel",)),
    ],
)
def test_what_a_stage_leaves_open_is_told(labels, said, to_state):
    """A label without a meaning, labels that mean the same, one that says no condition."""
    found = find_doubts(labels, derive_meanings(labels))
    assert found is not None
    assert said in found[0]
    assert found[1] == to_state


@pytest.mark.parametrize(
    "labels",
    [
        ("corroded", "uncorroded"),
        ("steel", "aluminium", "other"),
        ("mid", "late"),
        ("none", "mid", "late"),
        ("corroded steel", "clean steel", "background"),
        ("metal", "other"),
        ("pitting", "general"),
    ],
)
def test_a_stage_that_leaves_nothing_open_is_no_doubt(labels):
    """Material, severity, form, metal and condition stages as people write them."""
    assert find_doubts(labels, derive_meanings(labels)) is None


def test_a_person_states_a_meaning_in_the_same_words():
    """Words after the last equals sign; a wrong label or words that say nothing are refused."""
    labels = ("rust", "good", "a=b")
    assert read_meanings(["good=uncorroded steel", "a=b=background"], labels) == {
        "good": Meaning(material="steel", corroded=False),
        "a=b": Meaning(metal=False),
    }
    for wrong in ("god=uncorroded", "good=fine", "good", "good=rust proof"):
        with pytest.raises(DatasetError, match="--meaning"):
            read_meanings([wrong], labels)
