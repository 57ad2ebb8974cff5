"""Data sets of composites: rows that leave with their photographs, half of them corroded."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from converter.specimens.sets.composites import COMPOSITE_COLUMNS, write_composites
from edge_node.errors import DatasetError
from tests.support.specimens import rows_of


@pytest.fixture
def photographs(tmp_path):
    """Return a folder with two photographs of clean metal and their table."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        grain = rng.integers(110, 150, (90, 120, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{name}.png"), cv2.GaussianBlur(grain, (0, 0), 1))
    (folder / "labels.csv").write_text(
        "file,set,source,licence,group,material,finish,corroded\n"
        "a.png,surfaces,mill,CC0,m1,steel,rolled,0\n"
        "b.png,aircraft,hangar,CC BY 4.0,h1,aluminium,coated,0\n"
    )
    return folder


def test_a_row_leaves_with_its_photograph(photographs, tmp_path):
    """Source, licence and group are the photograph's; one of two is corroded; same seed, same bytes."""
    allowed = ["CC0", "CC BY 4.0"]
    labels, again = (
        write_composites(tmp_path / name, photographs, allowed, count=6, seed=2, size=(96, 72))
        for name in ("one", "two")
    )
    rows = rows_of(labels)
    assert tuple(rows[0]) == COMPOSITE_COLUMNS
    assert {
        (row["source"], row["licence"], row["group"], row["material"], row["photograph"]) for row in rows
    } == {
        ("mill", "CC0", "m1", "steel", "a.png"),
        ("hangar", "CC BY 4.0", "h1", "aluminium", "b.png"),
    }
    assert [row["corroded"] for row in rows] == ["1", "0"] * 3
    for row in rows:
        mask = cv2.imread(str(labels.parent / row["mask"]), cv2.IMREAD_UNCHANGED)
        assert bool(mask.any()) == (row["corroded"] == "1")
        one, two = (path.parent / row["file"] for path in (labels, again))
        assert one.read_bytes() == two.read_bytes()


def test_an_occupied_folder_and_a_broken_photograph_are_refused(photographs, tmp_path):
    """Nothing is overwritten unasked, and a file that is no picture is named."""
    with pytest.raises(DatasetError, match="not empty"):
        write_composites(photographs, photographs, ["CC0"], count=2)
    (photographs / "a.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"a\.png: no picture"):
        write_composites(tmp_path / "out", photographs, ["CC0"], count=2)
