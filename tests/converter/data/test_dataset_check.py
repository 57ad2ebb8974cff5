"""What in a data set will hurt."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from converter.data.dataset import load_usable
from converter.data.dataset_check import check_samples
from tests.support.foreign_sets import picture

_COLUMNS = "file,set,source,licence,group,material,corroded,mask"


@pytest.fixture
def sound(tmp_path):
    """A data set of 60 pictures in which nothing hurts, as rows that a test changes."""
    for number in range(60):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture(number))
    return [
        [f"{number}.png", "", f"s{number % 3}", "CC0", f"g{number}", "steel", str(number // 3 % 2), ""]
        for number in range(60)
    ]


def _check(folder, rows):
    text = "\n".join([_COLUMNS, *(",".join(row) for row in rows)])
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    samples, problems = load_usable(folder)
    return {problem.kind: problem for problem in check_samples(samples, problems)}


def test_nothing_is_found_where_nothing_hurts(tmp_path, sound):
    """A sound set passes."""
    assert _check(tmp_path, sound) == {}


def test_a_source_that_tells_the_class_is_found(tmp_path, sound):
    """Each source has one class alone, and so has each size; the example names both."""
    for number, row in enumerate(sound):
        row[2] = f"yard {row[6]}"
        if row[6] == "1":
            cv2.imwrite(str(tmp_path / row[0]), cv2.resize(picture(number), (90, 80)))
    found = _check(tmp_path, sound)
    assert found.keys() == {"one-class-per-source", "one-class-per-size"}
    assert found["one-class-per-source"].count == 60
    assert found["one-class-per-source"].example == "yard 1: corroded, yard 0: uncorroded"


def test_a_source_that_nearly_tells_the_class_is_found(tmp_path, sound):
    """Two exceptions of 60 do not keep a model from learning the source; one in four do."""
    for number, row in enumerate(sound):
        row[2] = f"yard {row[6] if number not in (0, 5) else 1 - int(row[6])}"
    assert _check(tmp_path, sound)["one-class-per-source"].text.endswith("right in 97%")
    for number, row in enumerate(sound):
        row[2] = f"yard {row[6] if number % 4 else 1 - int(row[6])}"
    assert _check(tmp_path, sound) == {}


def test_groups_and_look_alikes_across_splits_are_found(tmp_path, sound):
    """A group in train and test, and two near-duplicates that have different groups."""
    for number, row in enumerate(sound):
        row[1] = "test" if number % 4 == 0 else "train"
    sound[1][4] = sound[0][4]
    lighter = np.clip(picture(20).astype(int) + 3, 0, 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "50.png"), lighter)
    found = _check(tmp_path, sound)
    assert found.keys() == {"groups-across-splits", "near-duplicates-apart"}
    assert found["groups-across-splits"].example == "g0: test, train"
    assert "20.png and 50.png" in found["near-duplicates-apart"].example


def test_copies_masks_and_unreadable_pictures_are_found(tmp_path, sound):
    """Equal files, one with another label; masks against their labels; a cut picture; a row that dangles."""
    (tmp_path / "1.png").write_bytes((tmp_path / "3.png").read_bytes())
    sound[1][4] = sound[3][4]  # 1 is uncorroded, 3 corroded
    sound[4][7], sound[5][7], sound[0][7] = "empty.png", "full.png", "full.png"
    cv2.imwrite(str(tmp_path / "empty.png"), np.zeros((48, 60), np.uint8))
    cv2.imwrite(str(tmp_path / "full.png"), np.full((48, 60), 255, np.uint8))
    sound[9][7] = "small.png"
    cv2.imwrite(str(tmp_path / "small.png"), np.full((24, 30), 255, np.uint8))
    (tmp_path / "7.png").write_bytes((tmp_path / "7.png").read_bytes()[:60])
    sound[8][0] = "lost.png"
    found = _check(tmp_path, sound)
    assert {kind: problem.count for kind, problem in found.items()} == {
        "row": 1,
        "unreadable": 1,
        "copies": 1,
        "copies-differ": 1,
        "empty-masks": 1,
        "mask-sizes": 1,
        "masks-contradict": 1,
    }
    assert found["row"].example == "line 10: 'lost.png' is not there"


@pytest.mark.parametrize(
    ("licence", "kind"),
    [
        ("", "licence-missing"),
        ("unknown", "licence-missing"),
        ("none stated: evaluation only, never redistribute", "licence-missing"),
        ("CC BY-NC-SA 4.0", "licence-non-commercial"),
        ("Non-Commercial use", "licence-non-commercial"),
        ("CC BY 4.0", None),
    ],
)
def test_licences_that_bind_are_found(tmp_path, sound, licence, kind):
    """Whether none is told, or one that forbids a use."""
    sound[3][3] = f'"{licence}"'
    assert list(_check(tmp_path, sound)) == ([kind] if kind else [])


def test_tiny_classes_are_found(tmp_path, sound):
    """Too few pictures, or too few groups to divide."""
    for row in sound[:9]:
        row[5] = "zinc"
    for row in sound:
        row[4] = f"g{int(row[0].split('.')[0]) % 8}" if row[6] == "1" else "one"
    found = _check(tmp_path, sound)
    assert found["tiny-material"].example == "zinc (9 pictures in 4 groups)"
    assert found["tiny-corroded"].example == "uncorroded (30 pictures in 1 group)"
