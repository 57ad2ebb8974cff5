"""Pictures and labels, read or refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from converter.data.dataset import hash_dataset, load_dataset, read_class_name
from edge_node.camera.picture import read_judged
from edge_node.errors import DatasetError
from edge_node.messages.camera_view import Crop, Lens
from edge_node.view.recorded_view import embed_view, record_view
from edge_node.view.settings import ViewSettings
from edge_node.view.view import View

CROP = Crop(left_px=40, top_px=60, width_px=400, height_px=500, of_px=(480, 640))
LENS = Lens(
    model="pinhole",
    width_px=640,
    height_px=480,
    fx_px=512,
    fy_px=512,
    cx_px=320,
    cy_px=240,
    coefficients=(-0.3, 0.1, 0, 0),
)


def _picture(path, value=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((12, 16, 3), value, np.uint8))


def _table(folder, *rows, header="file,set,source,licence,group,material,corroded,severity,mask"):
    table = folder / "labels.csv"
    table.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return table


def test_rows_become_samples_with_unknowns_left_out(tmp_path):
    """An empty cell is no label; corroded 1 and 0 become words; the mask is read at the picture's size."""
    _picture(tmp_path / "a.png")
    cv2.imwrite(str(tmp_path / "m.png"), np.tile(np.array([[0, 255]], np.uint8), (6, 4)))
    _table(tmp_path, "a.png,surfaces,here,CC0,g1,steel,1,,m.png")
    (sample,) = load_dataset(tmp_path)
    assert sample.labels == {"material": "steel", "corroded": "corroded", "metal": "metal"}
    assert (sample.group, sample.source, sample.set_name, sample.licence) == ("g1", "here", "surfaces", "CC0")
    mask = sample.read_mask(sample.read().shape)
    assert mask.shape == (12, 16)
    assert set(np.unique(mask)) == {0, 255}


def test_a_folder_below_a_table_is_a_part_of_its_set(tmp_path):
    """Its rows, masks no pictures; folders that no row names are classes as ever."""
    for name in (
        "surfaces/one/a.png",
        "surfaces/one/a_mask.png",
        "scenes/b.png",
        "own/rust/c.png",
        "own/ok/d.png",
    ):
        _picture(tmp_path / name)
    mask = "surfaces/one/a_mask.png"
    _table(tmp_path, f"surfaces/one/a.png,,,,g1,steel,1,,{mask}", "scenes/b.png,,,,g2,steel,0,,")
    (sample,) = load_dataset(tmp_path / "surfaces")
    assert (sample.path.name, sample.group) == ("a.png", "g1")
    assert load_dataset(tmp_path / "surfaces/one") == (sample,)
    assert [sample.labels["label"] for sample in load_dataset(tmp_path / "own")] == ["ok", "rust"]


def test_what_is_metal_is_known_from_the_rest_or_said(tmp_path):
    """A known material or condition makes a row metal; the column says the rest; else it is unknown."""
    for name in "abcd":
        _picture(tmp_path / f"{name}.png")
    rows = ("a.png,,1,", "b.png,steel,,", "c.png,,,other", "d.png,,,")
    _table(tmp_path, *rows, header="file,material,corroded,metal")
    found = [sample.labels.get("metal") for sample in load_dataset(tmp_path)]
    assert found == ["metal", "metal", "other", None]


def test_every_bad_row_is_named(tmp_path):
    """All problems of a table come in one message, each with its line."""
    _picture(tmp_path / "a.png")
    _table(
        tmp_path,
        "a.png,,,,,steel,maybe,,",
        "a.png,,,,,steel,1,,",
        "gone.png,,,,,steel,1,,",
    )
    with pytest.raises(DatasetError) as caught:
        load_dataset(tmp_path)
    for part in (
        "line 2: corroded is 'maybe', wanted 1, 0 or nothing",
        "line 3: 'a.png' is listed twice",
        "line 4: 'gone.png' is not there",
    ):
        assert part in str(caught.value)


def test_what_is_no_metal_has_no_condition(tmp_path):
    """A row that is no metal and corroded contradicts itself; another word than metal or other is refused."""
    _picture(tmp_path / "a.png")
    _picture(tmp_path / "b.png")
    _table(tmp_path, "a.png,1,other", "b.png,,grass", header="file,corroded,metal")
    with pytest.raises(DatasetError) as caught:
        load_dataset(tmp_path)
    assert "line 2: what is no metal has neither material nor corroded" in str(caught.value)
    assert "line 3: metal is 'grass', wanted metal, other or nothing" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"picture,label\nx,y\n", "wanted file and at least one of"),
        (b"file,label\n", "no rows"),
        (b"file,label\n\xff\xfe,y\n", r"is not UTF-8 text: byte 0xff in line 2; save it as UTF-8"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, content, message):
    """A table without the columns, without rows, or in another encoding is refused in one sentence."""
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        load_dataset(tmp_path / "labels.csv")


def test_folders_are_classes_and_inner_folders_are_specimens(tmp_path):
    """Folders give labels as TensorFlow for Poets wrote them; a folder within one is a group."""
    _picture(tmp_path / "Corroded_Steel" / "plate 1" / "a.jpg")
    _picture(tmp_path / "Corroded_Steel" / "x_nohash_0.jpg")
    _picture(tmp_path / "Corroded_Steel" / "x_nohash_1.jpg")
    _picture(tmp_path / "clean" / "b.jpg")
    (tmp_path / "clean" / "notes.txt").write_text("no picture", encoding="utf-8")
    samples = load_dataset(tmp_path)
    assert [sample.labels["label"] for sample in samples] == ["corroded steel"] * 3 + ["clean"]
    groups = {sample.path.name: sample.group for sample in samples}
    assert groups["a.jpg"] == "Corroded_Steel/plate 1"
    assert groups["x_nohash_0.jpg"] == groups["x_nohash_1.jpg"] == "Corroded_Steel/x"
    assert groups["b.jpg"] == ""
    assert read_class_name("Mild-Steel (late)") == "mild steel late"


def test_one_class_is_no_dataset(tmp_path):
    """One folder of pictures, or nothing at all, is refused."""
    _picture(tmp_path / "clean" / "b.jpg")
    (tmp_path / "rusty").mkdir()
    with pytest.raises(DatasetError, match=r"clean, rusty \(no pictures\); wanted labels"):
        load_dataset(tmp_path)
    (tmp_path / "rusty").rmdir()
    with pytest.raises(DatasetError, match=r"clean; wanted labels\.csv, or pictures in two or more folders"):
        load_dataset(tmp_path)
    with pytest.raises(DatasetError, match="nothing there"):
        load_dataset(tmp_path / "absent")


def test_a_cut_off_picture_is_named(tmp_path):
    """A picture whose end is missing is refused when it is read, with its name."""
    _picture(tmp_path / "one" / "a.jpg")
    _picture(tmp_path / "two" / "b.jpg")
    whole = (tmp_path / "one" / "a.jpg").read_bytes()
    (tmp_path / "one" / "a.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=r"a\.jpg.*no end marker; remove it, or copy it again$"):
        load_dataset(tmp_path)[0].read()
    (tmp_path / "one" / "a.jpg").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"a\.jpg: empty, wanted a picture; remove it"):
        load_dataset(tmp_path)[0].read()


def test_the_hash_is_over_contents_and_labels(tmp_path):
    """Order does not change a data set's hash; a pixel or a label does."""
    for index, name in enumerate(("a.png", "b.png")):
        _picture(tmp_path / name, 50 + index)
    _table(tmp_path, "a.png,,,,,steel,1,,", "b.png,,,,,steel,0,,")
    samples = load_dataset(tmp_path)
    before = hash_dataset(samples)
    assert hash_dataset(samples[::-1]) == before
    _table(tmp_path, "a.png,,,,,steel,1,,", "b.png,,,,,steel,1,,")
    assert hash_dataset(load_dataset(tmp_path)) != before
    _table(tmp_path, "a.png,,,,,steel,1,,", "b.png,,,,,steel,0,,")
    _picture(tmp_path / "b.png", 200)
    assert hash_dataset(load_dataset(tmp_path)) != before


def test_the_real_table(shared):
    """The photographs beside the repository load: 4,907 pictures, 1,327 with a mask."""
    samples = load_dataset(shared / "data")
    assert len(samples) == 4907
    assert sum(sample.mask is not None for sample in samples) == 1327
    assert {sample.labels.get("corroded") for sample in samples} == {"corroded", "uncorroded", None}


@pytest.mark.parametrize("lens", [None, LENS])
def test_the_mask_of_a_robots_evidence_lies_over_what_the_robot_judged(tmp_path, lens):
    """It was painted over the picture as the file shows it; the view turns, cuts and corrects both alike."""
    pixels = np.full((480, 640, 3), 90, np.uint8)
    cv2.rectangle(pixels, (150, 250), (260, 330), (250, 250, 250), -1)
    view = View(ViewSettings(90, "horizontal", CROP, lens))
    jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(embed_view(jpeg, record_view(view.framing(640, 480).numbers, None)))
    cv2.imwrite(str(tmp_path / "m.png"), (pixels[::2, ::2, 0] > 128).astype(np.uint8) * 255)
    _table(tmp_path, "a.jpg,surfaces,here,CC0,g1,steel,1,,m.png")
    (sample,) = load_dataset(tmp_path)
    judged = sample.read()
    mask = sample.read_mask(judged.shape)
    assert np.array_equal(read_judged(tmp_path / "a.jpg"), judged)
    assert judged.shape == (500, 400, 3)
    assert mask.shape == (500, 400)
    shown = judged[..., 0] > 170
    assert np.count_nonzero(shown) > 5000
    assert np.count_nonzero(shown != (mask > 0)) < 0.08 * np.count_nonzero(shown)
