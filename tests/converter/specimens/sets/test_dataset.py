"""Data sets of rendered specimens: same seed same bytes, complete labels, no file overwritten."""

from __future__ import annotations

import itertools

import cv2
import pytest

from converter.specimens.sets.dataset import LABEL_COLUMNS, write_dataset
from converter.specimens.spec import Material
from edge_node.errors import DatasetError
from tests.support.specimens import SIZE, rows_of


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Return a folder with six specimens, four pictures each."""
    out = tmp_path_factory.mktemp("specimens") / "out"
    write_dataset(out, 24, seed=5, size=SIZE)
    return out


def test_labels_are_complete(dataset):
    """Every row has every column filled, and its picture and mask are there at the size asked for."""
    rows = rows_of(dataset / "labels.csv")
    assert len(rows) == 24
    assert tuple(rows[0]) == LABEL_COLUMNS
    for row in rows:
        assert all(row.values())
        assert cv2.imread(str(dataset / row["file"])).shape == (SIZE[1], SIZE[0], 3)
        mask = cv2.imread(str(dataset / row["mask"]), cv2.IMREAD_UNCHANGED)
        assert mask.shape == (SIZE[1], SIZE[0])
        assert bool(mask.any()) == (row["corroded"] == "1") == (row["severity"] != "none")
        assert float(row["area_fraction"]) == pytest.approx((mask > 0).mean(), abs=1e-4)
    assert len({row["file"] for row in rows}) == 24


def test_groups_are_specimens(dataset):
    """Four pictures share a group, a metal and a finish; half of them are clean."""
    rows = rows_of(dataset / "labels.csv")
    groups = [list(group) for _, group in itertools.groupby(rows, key=lambda row: row["group"])]
    assert [len(group) for group in groups] == [4] * 6
    for group in groups:
        assert len({(row["material"], row["finish"]) for row in group}) == 1
        assert [row["corroded"] for row in group] == ["0", "0", "1", "1"]
    assert {row["material"] for row in rows} == {material.value for material in Material}


def test_dataset_repeats(dataset, tmp_path):
    """The same seed writes the same bytes again, file by file."""
    write_dataset(tmp_path, 24, seed=5, size=SIZE)
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.*"))
    assert written == sorted(path.relative_to(dataset) for path in dataset.rglob("*.*"))
    assert all((tmp_path / path).read_bytes() == (dataset / path).read_bytes() for path in written)


def test_last_specimen_may_be_cut_short(tmp_path):
    """A count that is no multiple of four gives exactly that many pictures."""
    assert len(rows_of(write_dataset(tmp_path, 5, size=(64, 64)))) == 5


def test_occupied_folder_is_refused(tmp_path):
    """A folder that is not empty is refused untouched, and written into with force."""
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(DatasetError, match="folder is not empty; name another, or add --force"):
        write_dataset(tmp_path, 1, size=(64, 64))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    write_dataset(tmp_path, 1, size=(64, 64), force=True)
    assert (tmp_path / "mine.txt").read_text() == "keep"
    assert (tmp_path / "labels.csv").is_file()


def test_file_in_the_way_is_refused(tmp_path):
    """An output path that is a file is refused, even with force."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(DatasetError, match="is a file, expected a folder"):
        write_dataset(blocked, 1, force=True)


def test_what_was_interrupted_leaves_no_folder(tmp_path):
    """Pictures without a table would be in the way of the next attempt; what others wrote stays."""

    def interrupt(_done):
        raise KeyboardInterrupt

    for name in ("new", "mine"):
        if name == "mine":
            (tmp_path / name).mkdir()
        with pytest.raises(KeyboardInterrupt):
            write_dataset(tmp_path / name, 4, size=(64, 64), on_written=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
