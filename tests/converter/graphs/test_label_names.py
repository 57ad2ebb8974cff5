"""Labels and their meanings."""

from __future__ import annotations

import pytest

from converter.graphs.label_names import derive_meanings, read_labels
from edge_node.errors import DatasetError
from edge_node.inference.manifest import Meaning


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


@pytest.mark.parametrize("content", ["", "one\n", "a\na\n"])
def test_a_label_file_holds_two_or_more_distinct_labels(tmp_path, content):
    """Anything else is refused with the file's name."""
    path = tmp_path / "labels.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"labels\.txt"):
        read_labels(path)
