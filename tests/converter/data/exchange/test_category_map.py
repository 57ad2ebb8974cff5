"""The file that says what each category means."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from converter.data.exchange.category_map import (
    CategoryMap,
    format_map,
    needs_condition,
    propose_map,
    read_category_map,
)
from converter.data.foreign.foreign_set import ForeignPicture, ForeignSet, Region
from converter.data.foreign.shapes import Box
from edge_node.errors import DatasetError

_BOX = Box(0, 0, 9, 9)


def _set(*categories, pictures=()):
    made = [ForeignPicture(Path("a"), "a", (Region(category, _BOX),)) for category in categories]
    return ForeignSet("COCO", (*made, *pictures), categories)


@pytest.mark.parametrize(
    ("category", "value"),
    [
        ("rust", {"corroded": True}),
        ("without rust", {"corroded": False}),
        ("corroded steel", {"corroded": True, "material": "steel"}),
        ("aluminium", {"material": "aluminium"}),
        ("late corrosion", {"corroded": True, "severity": "late"}),
        ("background", {"metal": False}),
        ("pitting", {"corroded": True, "form": "pitting"}),
        ("rust proof steel", {"corroded": "?", "material": "steel"}),
        ("rust treatment", {"corroded": "?"}),
        ("severe", {"corroded": "?", "severity": "severe"}),
        ("3", "?"),
        ("class 0", "?"),
        ("person", "?"),
        ('a "quoted" \\ name\n', "?"),
    ],
)
def test_words_propose_what_they_say_and_ask_for_the_rest(category, value):
    """The proposal is TOML whatever the name; what words leave open is a question mark."""
    text, questions = propose_map(_set(category), "set")
    assert msgspec.toml.decode(text)["categories"] == {category: value}
    asked = value == "?" or "?" in value.values()
    assert questions == asked + ("without_corrosion" in msgspec.toml.decode(text))


def test_a_picture_without_marks_is_asked_for():
    """In a set of boxes and masks nobody knows whether somebody looked; a class folder has said it."""
    bare = ForeignPicture(Path("b"), "b")
    text, questions = propose_map(_set("rust", pictures=(bare,)), "set")
    assert msgspec.toml.decode(text)["without_corrosion"] == "?"
    assert questions == 1
    whole = ForeignSet("folders", (ForeignPicture(Path("c"), "c", (Region("clean"),)),), ("clean",))
    assert "without_corrosion" not in propose_map(whole, "set")[0]


def test_a_category_of_no_picture_is_not_asked_for(tmp_path):
    """It stands there as nothing, and may be missing."""
    found = ForeignSet("COCO", (), ("3",))
    text, questions = propose_map(found, "set")
    assert '"3" = "nothing"  # of no picture' in text
    assert questions == 0


def test_what_nobody_labelled_is_proposed_as_unknown(tmp_path):
    """By its name, and 255 of masks that have classes beside it; alone beside 0 it is the class."""

    def propose(*categories):
        regions = tuple(Region(category) for category in categories)
        found = ForeignSet("mask pictures", (ForeignPicture(Path("a"), "a", regions),), categories)
        return msgspec.toml.decode(propose_map(found, "set")[0])["categories"]

    assert propose("0", "1", "255") == {"0": "?", "1": "?", "255": "unknown"}
    assert propose("0", "255") == {"0": "?", "255": "?"}
    named = ("rust", "Void", "255 #e0e0c0", "1 #800000", "unlabelled", "avoidance")
    assert [propose(*named)[name] for name in named[1:]] == ["unknown", "unknown", "?", "unknown", "?"]
    path = tmp_path / "map.toml"
    path.write_text(format_map({"rust": {"corroded": "corroded"}}, "nothing", has_unknown=True))
    found = read_category_map(path, ("rust", "unknown"))
    assert (found.unknown, found.columns["unknown"]) == ({"unknown"}, {})


def test_a_confirmed_map_is_read(tmp_path):
    """Each kind of value; more categories than the set has do no harm."""
    path = tmp_path / "map.toml"
    lines = (
        'without_corrosion = "uncorroded"',
        "[categories]",
        'rust = { corroded = true, severity = "late", form = "general" }',
        'plate = { material = "steel", finish = "painted" }',
        'wall = { metal = "other" }',
        'person = "nothing"',
        "more = { metal = true }",
    )
    path.write_text("\r\n".join(lines), encoding="utf-8-sig")
    found = read_category_map(path, ("rust", "plate", "wall", "person"))
    assert found.columns == {
        "rust": {"corroded": "corroded", "severity": "late", "form": "general"},
        "plate": {"material": "steel", "finish": "painted"},
        "wall": {"metal": "other"},
        "person": {},
        "more": {"metal": "metal"},
    }
    assert found.without_corrosion == "uncorroded"
    path.write_text(format_map(found.columns, "uncorroded"), encoding="utf-8")
    assert read_category_map(path, ("rust",)) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[categories]\nrust = '?'", "category 'rust' is still \"[?]\""),
        ("[categories]\nrust = { corroded = '?' }", "category 'rust' says: corroded is still"),
        ("[categories]\nrust = { corroded = 'yes' }", "corroded is 'yes', wanted true or false"),
        ("[categories]\nrust = { color = 'red' }", "unknown key 'color', wanted corroded, material"),
        ("[categories]\nrust = {}", 'says nothing; write "nothing"'),
        ("[categories]\nrust = { metal = false, corroded = true }", "neither material nor corroded"),
        ("[categories]\nrust = ['a']", "wanted { corroded = true }"),
        ("[categories]\nrust = { material = '' }", "material is '', wanted a word"),
        ("[categories]\n", "category 'rust' is missing"),
        ("without_corrosion = '?'\n[categories]\nrust = 'nothing'", "without_corrosion is still"),
        ("without_corrosion = ['a']\n[categories]\nrust = 'nothing'", "without_corrosion is \\['a'\\]"),
        ("with = 1\n[categories]\nrust = 'nothing'", "unknown key 'with'"),
        ("rust = 'nothing'", "no \\[categories\\]; run the import without --map"),
        ("[categories", "no TOML"),
    ],
)
def test_a_map_that_leaves_something_open_is_refused(tmp_path, text, why):
    """Before any picture is read, with the file's name."""
    (tmp_path / "map.toml").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=rf"map\.toml: .*{why}"):
        read_category_map(tmp_path / "map.toml", ("rust",))


def test_what_needs_a_condition():
    """A mark of corrosion, a choice for the whole picture and an export of ours say it; nothing else."""
    known = CategoryMap({"rust": {"corroded": "corroded"}, "plate": {"material": "steel"}})
    told = [
        needs_condition(ForeignPicture(Path("a"), "a", regions, known=columns), known)
        for regions, columns in (
            ((Region("rust", _BOX),), {}),
            ((Region("plate", _BOX),), {}),
            ((Region("plate"),), {}),
            ((), {"corroded": "uncorroded"}),
            ((), {}),
        )
    ]
    assert told == [False, True, False, False, True]
