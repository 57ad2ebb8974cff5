"""Imports: what is written, in which orientation, and what is left out."""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from converter.data.dataset import load_dataset
from converter.data.exchange.category_map import CategoryMap, read_category_map
from converter.data.exchange.exporting import Target, export_samples
from converter.data.exchange.importing import ImportOrder, find_questions, import_set
from converter.data.exchange.source_formats import read_foreign_set
from converter.data.foreign.foreign_set import ForeignPicture, ForeignSet, LeftOut, Region
from converter.data.foreign.shapes import Box, Polygons
from converter.data.picture_facts import turn_to_shown
from edge_node.errors import DatasetError
from tests.support.foreign_sets import HEIGHT_PX, WIDTH_PX, picture, with_orientation, write_pictures

_MAP = CategoryMap({"rust": {"corroded": "corroded"}, "steel": {"material": "steel"}}, "uncorroded")
_CORNER = Polygons(((0.0, 0.0, 20.0, 0.0, 20.0, 10.0, 0.0, 10.0),))


def _import(folder, pictures, **more):
    left_out = LeftOut()
    order = ImportOrder(folder / "out", _MAP, source="yard", licence="CC0", **more)
    report = import_set(ForeignSet("COCO", tuple(pictures), ("rust",)), order, left_out)
    return load_dataset(folder / "out"), report


def _picture(path, *regions, **more):
    return ForeignPicture(path, path.name, regions, **more)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_are_turned_as_their_pictures_are(tmp_path, orientation):
    """The size that COCO names says that positions are of stored pixels; the mask is of shown ones."""
    content = with_orientation(cv2.imencode(".jpg", picture(1))[1].tobytes(), orientation)
    (tmp_path / "a.jpg").write_bytes(content)
    region = Region("rust", None, _CORNER)
    found = _picture(tmp_path / "a.jpg", region, size_px=(WIDTH_PX, HEIGHT_PX), is_stored_orientation=True)
    (sample,), _ = _import(tmp_path, [found])
    stored = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    stored[:10, :20] = 255
    np.testing.assert_array_equal(sample.read_mask(sample.read().shape), turn_to_shown(stored, orientation))


def test_a_size_of_the_shown_picture_says_so(tmp_path):
    """Tools that turn pictures name the turned size: their positions are of the shown pixels."""
    (tmp_path / "a.jpg").write_bytes(with_orientation(cv2.imencode(".jpg", picture(1))[1].tobytes(), 6))
    region = Region("rust", None, _CORNER)
    shown = {"size_px": (HEIGHT_PX, WIDTH_PX), "is_stored_orientation": True}
    (sample,), report = _import(tmp_path, [_picture(tmp_path / "a.jpg", region, **shown)])
    mask = sample.read_mask((WIDTH_PX, HEIGHT_PX))
    assert mask[:10, :20].all()
    assert report.turned == 1


def test_where_sizes_do_not_tell_the_habit_or_the_flag_does(tmp_path):
    """Upside down a picture has the same size; what is asked for wins over the format's habit."""
    (tmp_path / "a.jpg").write_bytes(with_orientation(cv2.imencode(".jpg", picture(1))[1].tobytes(), 3))
    region = Region("rust", None, _CORNER)
    corners = []
    for at, more in enumerate(({}, {"is_stored_orientation": False})):
        (tmp_path / str(at)).mkdir()
        (sample,), _ = _import(
            tmp_path / str(at), [_picture(tmp_path / "a.jpg", region, is_stored_orientation=True)], **more
        )
        corners.append(bool(sample.read_mask((HEIGHT_PX, WIDTH_PX))[0, 0]))
    assert corners == [False, True]


def test_what_is_left_out_is_counted_with_its_reason(tmp_path):
    """Unreadable, of another size, a copy, a copy with other labels: the report names each."""
    for name in write_pictures(tmp_path, 2):
        (tmp_path / f"copy-{name}").write_bytes((tmp_path / name).read_bytes())
    (tmp_path / "cut.png").write_bytes((tmp_path / "p00.png").read_bytes()[:99])
    box = Region("rust", Box(0, 0, 9, 9))
    pictures = [
        _picture(tmp_path / "p00.png", box),
        _picture(tmp_path / "copy-p00.png", box),
        _picture(tmp_path / "p01.png", box),
        _picture(tmp_path / "copy-p01.png"),
        _picture(tmp_path / "cut.png", box),
        _picture(tmp_path / "p01.png", box, size_px=(9, 9)),
    ]
    samples, report = _import(tmp_path, pictures)
    assert [sample.path.name for sample in samples] == ["p00.png", "p01.png"]
    assert [reason.split(":")[0] for reason in report.left_out] == [
        "a second copy of a picture",
        "a second copy of a picture, with other labels",
        "unreadable",
        "marks for a picture of another size",
    ]
    written = msgspec.json.decode((tmp_path / "out" / "import.json").read_bytes())
    assert written["left_out"]["marks for a picture of another size"] == ["p01.png"]


def test_boxes_can_be_cut_out(tmp_path):
    """Each is a picture with its labels, in its picture's group; one of few pixels is left out."""
    cv2.imwrite(str(tmp_path / "a.png"), cv2.resize(picture(1), (120, 96)))
    regions = (
        Region("rust", Box(10, 20, 40, 50)),
        Region("steel", Box(60, 0, 33, 40)),
        Region("rust", Box(0, 0, 5, 5)),
        Region("person", Box(0, 0, 50, 50)),
        Region("rust", None, _CORNER),
    )
    samples, report = _import(tmp_path, [_picture(tmp_path / "a.png", *regions)], crops=True)
    assert [(one.path.name, one.read().shape[:2], one.labels.get("corroded")) for one in samples] == [
        ("a-box1.png", (50, 40), "corroded"),
        ("a-box2.png", (40, 33), None),
    ]
    assert report.left_out == {
        "masks on a picture whose boxes are cut out": ("a.png",),
        "a box of fewer than 32 px": ("a.png",),
    }
    assert len({sample.group for sample in samples}) == 1
    np.testing.assert_array_equal(samples[0].read(), cv2.imread(str(tmp_path / "a.png"))[20:70, 10:50])


def test_a_box_is_cut_out_of_the_stored_pixels(tmp_path):
    """Of a picture that EXIF data turn; the cut picture is upright."""
    content = with_orientation(cv2.imencode(".jpg", cv2.resize(picture(1), (120, 96)))[1].tobytes(), 6)
    (tmp_path / "a.jpg").write_bytes(content)
    region, size = Region("rust", Box(10, 20, 40, 50)), {"size_px": (120, 96)}
    (sample,), _ = _import(tmp_path, [_picture(tmp_path / "a.jpg", region, **size)], crops=True)
    stored = cv2.imread(str(tmp_path / "a.jpg"), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    np.testing.assert_array_equal(sample.read(), turn_to_shown(stored[20:70, 10:50], 6))


def test_nothing_is_written_over_and_nothing_half(tmp_path):
    """A folder with something in it stays as it is; an import without a picture leaves no folder."""
    write_pictures(tmp_path, 1)
    (tmp_path / "cut.png").write_bytes(b"")
    with pytest.raises(DatasetError, match="no picture is left to import: unreadable: empty"):
        _import(tmp_path, [_picture(tmp_path / "cut.png")])
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    _import(tmp_path, [_picture(tmp_path / "p00.png")])
    with pytest.raises(DatasetError, match="is there already and not empty"):
        _import(tmp_path, [_picture(tmp_path / "p00.png")])


def test_what_is_not_known_is_asked_for():
    """Licence, source, and what pictures without a mark are: all at once."""
    pictures = (
        _picture(Path("a"), licence="CC0", known={"source": "yard"}),
        _picture(Path("b"), Region("steel", Box(0, 0, 9, 9))),
    )
    open_map = CategoryMap(_MAP.columns)
    asked = find_questions(ForeignSet("COCO", pictures, ()), ImportOrder(Path("o"), open_map))
    assert all(
        word in text for word, text in zip(("licence of 1", "--source", "2 pictures"), asked, strict=True)
    )
    told = ImportOrder(Path("o"), _MAP, source="s", licence="CC0")
    assert find_questions(ForeignSet("COCO", pictures, ()), told) == []


@pytest.mark.parametrize("target", [Target.COCO, Target.LABEL_STUDIO])
def test_pixels_that_nobody_labelled_come_back_from_an_export(tmp_path, target):
    """A folder of masks with 255 for void: 127 in the mask, also after an export and another import."""
    (tmp_path / "set" / "images").mkdir(parents=True)
    (tmp_path / "set" / "masks").mkdir()
    given = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    given[:10, :20], given[15:25, 10:30] = 1, 255
    cv2.imwrite(str(tmp_path / "set" / "images" / "a.png"), picture(1))
    cv2.imwrite(str(tmp_path / "set" / "masks" / "a.png"), given)
    columns = {"0": {}, "1": {"corroded": "corroded"}, "255": {}}
    maps = [CategoryMap(columns, "uncorroded", frozenset({"255"}))]
    read, folder, wanted = [], tmp_path / "set", np.select([given == 1, given == 255], [255, 127], 0)
    for name in ("first", "again"):
        found = read_foreign_set(folder, None, None, LeftOut())
        import_set(found, ImportOrder(tmp_path / name, maps[-1], source="y", licence="CC0"), LeftOut())
        (sample,) = load_dataset(tmp_path / name)
        read.append(sample.read_mask(given.shape))
        if name == "first":
            folder = tmp_path / "out"
            export_samples([sample], tmp_path / name, folder, target)
            maps.append(read_category_map(folder / "categories.toml", ()))
    for mask in read:
        np.testing.assert_array_equal(mask, wanted)
