"""What regions make of a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from converter.data.exchange.category_map import CategoryMap
from converter.data.exchange.picture_labels import label_crop, label_picture
from converter.data.foreign.foreign_set import ForeignPicture, LeftOut, Region
from converter.data.foreign.shapes import Box, Polygons, RunLengths

_MAP = CategoryMap(
    {
        "rust": {"corroded": "corroded"},
        "late": {"corroded": "corroded", "severity": "late", "form": "general"},
        "mid": {"corroded": "corroded", "severity": "mid", "form": "pitting"},
        "steel": {"material": "steel"},
        "zinc": {"material": "zinc"},
        "clean": {"corroded": "uncorroded"},
        "wall": {"metal": "other"},
        "person": {},
    },
    "uncorroded",
)
_BOX = Box(0, 0, 9, 9)
_SQUARE = Polygons(((2.0, 2.0, 12.0, 2.0, 12.0, 12.0, 2.0, 12.0),))
_BAD = RunLengths((1, 1), (1,))


def _label(*regions, left_out=None, category_map=_MAP, **more):
    picture = ForeignPicture(Path("a"), "a", regions, **more)
    return label_picture(picture, category_map, (20, 30), left_out or LeftOut())


def test_masks_mark_pixels_and_boxes_never_do():
    """A box makes its picture corroded; beside boxes a mask would call what they hold uncorroded."""
    masked = _label(Region("rust", _BOX, _SQUARE), Region("steel", _BOX, _SQUARE))
    assert masked.labels == {"corroded": "corroded", "material": "steel"}
    assert int(masked.mask.sum()) == 100
    boxed = _label(Region("rust", _BOX))
    assert (boxed.labels, boxed.mask) == ({"corroded": "corroded"}, None)
    left_out = LeftOut()
    both = _label(Region("rust", _BOX), Region("rust", None, _SQUARE), left_out=left_out)
    assert (both.labels, both.mask) == ({"corroded": "corroded"}, None)
    assert "a mask beside boxes of corrosion" in next(iter(left_out.names))


def test_pixels_that_nobody_labelled_are_not_known():
    """They lie beside the corroded ones, as shapes or boxes; a picture that has no other tells nothing."""
    void = CategoryMap({**_MAP.columns, "void": {}}, "uncorroded", frozenset({"void"}))
    found = _label(Region("rust", None, _SQUARE), Region("void", _BOX), category_map=void)
    assert int(found.mask.sum()) == 100
    assert int(found.unknown.sum()) == 81
    assert _label(Region("rust", None, _SQUARE), category_map=void).unknown is None
    covered = Polygons(((0.0, 0.0, 30.0, 0.0, 30.0, 20.0, 0.0, 20.0),))
    assert isinstance(_label(Region("void", None, covered), is_covered=True, category_map=void), str)
    part = _label(Region("void", None, _SQUARE), is_covered=True, category_map=void)
    assert (part.labels, int(part.unknown.sum())) == ({"corroded": "uncorroded"}, 100)


def test_a_mask_that_is_not_whole_is_none():
    """Where one region cannot be drawn, or could not be read, the other pixels are not known."""
    left_out = LeftOut()
    found = _label(Region("rust", None, _SQUARE), Region("rust", None, _BAD), left_out=left_out)
    assert (found.labels, found.mask) == ({"corroded": "corroded"}, None)
    assert len(left_out.names) == 1
    assert _label(Region("rust", None, _SQUARE), is_incomplete=True).mask is None


def test_a_picture_without_corrosion_is_what_the_map_says():
    """Uncorroded if people looked, else unknown; never where its marks could not all be read."""
    assert _label(Region("steel", _BOX)).labels == {"material": "steel", "corroded": "uncorroded"}
    assert _label().labels == {"corroded": "uncorroded"}
    unknown = CategoryMap(_MAP.columns, "nothing")
    assert _label(Region("steel", _BOX), category_map=unknown).labels == {"material": "steel"}
    assert isinstance(_label(category_map=unknown), str)
    assert _label(Region("steel", _BOX), is_incomplete=True).labels == {"material": "steel"}
    assert _label(Region("wall", _BOX)).labels == {"metal": "other"}
    assert isinstance(_label(Region("person"), category_map=unknown), str)


def test_a_mask_picture_without_corrosion_has_an_empty_mask():
    """Every pixel was looked at, and the mask says so."""
    found = _label(Region("clean", None, _SQUARE), is_covered=True)
    assert found.labels == {"corroded": "uncorroded"}
    assert found.mask is not None
    assert not found.mask.any()


def test_regions_that_differ():
    """The worst severity counts; two materials or forms leave the column empty and are told."""
    found = _label(Region("mid", _BOX), Region("late", _BOX), Region("steel", _BOX), Region("zinc", _BOX))
    assert found.labels == {"corroded": "corroded", "severity": "late"}
    assert [note.split()[3] for note in found.notes] == ["material", "form"]
    assert _label(Region("rust", _BOX), Region("wall", _BOX)).labels["corroded"] == "corroded"


def test_a_picture_that_is_called_both_is_left_out():
    """Two choices, or a choice against a mask."""
    assert "both" in _label(Region("rust"), Region("clean"))
    assert "both" in _label(Region("clean"), Region("rust", None, _SQUARE))


def test_what_an_export_wrote_comes_back():
    """Its columns stay, an empty mask too; a mark that a person added since counts more."""
    known = {"corroded": "uncorroded", "material": "steel", "mask": "yes", "group": "g"}
    found = _label(known=known)
    assert found.labels == {"corroded": "uncorroded", "material": "steel"}
    assert found.mask is not None
    odd = _label(Region("steel", _BOX), known={"corroded": "maybe", "metal": "1", "form": ""})
    assert odd.labels == {"material": "steel"}
    added = _label(Region("rust", None, _SQUARE), known=known)
    assert added.labels["corroded"] == "corroded"
    assert np.count_nonzero(added.mask) == 100
    assert added.notes == ("the condition was changed since it was exported",)


def test_a_crop_has_the_labels_of_its_box():
    """And none where its category means nothing."""
    assert label_crop(Region("late", _BOX), _MAP)["severity"] == "late"
    assert label_crop(Region("person", _BOX), _MAP) == {}
