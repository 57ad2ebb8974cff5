"""Which pictures show one thing."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from converter.data.exchange.grouping import View, find_groups, read_series


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("a/video3_frame_0001.jpg", "a/video3"),
        ("hull-frame12.png", "./hull"),
        ("clip_mp4-0012_jpg.rf.0f3ab2.jpg", "/clip_mp4"),
        ("train/plate_jpg.rf.aa11.jpg", "/plate"),
        ("plate7_2.jpg", "./plate7"),
        ("x/flange_nohash_3.jpg", "/flange"),
        ("IMG_0012.jpg", ""),
        ("DJI_0012.JPG", ""),
        ("rust_17.jpg", ""),
        ("000000123.jpg", ""),
        ("2007_000027.jpg", ""),
        ("plate.jpg", ""),
    ],
)
def test_series_by_name(name, series):
    """Frames of a video, augmented copies, views of a numbered specimen; not a camera's or a list's count."""
    assert read_series(name) == series


def _view(name, number, **more):
    return View(name, f"{number:016x}".ljust(64, "0"), np.random.default_rng(number).random(64) < 0.5, **more)


def test_names_times_and_looks_join():
    """Each joins two pictures, and a chain joins all of it; others stay alone."""
    noon = datetime(2026, 5, 4, 12)  # noqa: DTZ001  # a camera's clock
    views = [
        _view("video1_frame_1.jpg", 1),
        _view("video1_frame_2.jpg", 2, camera="c", taken_at=noon),
        _view("b.jpg", 3, camera="c", taken_at=noon + timedelta(seconds=59)),
        _view("c.jpg", 3),
        _view("d.jpg", 4, camera="other", taken_at=noon),
        _view("e.jpg", 5, camera="c", taken_at=noon + timedelta(seconds=120)),
    ]
    found = find_groups(views, "yard")
    assert len(set(found.names[:4])) == 1
    assert len(set(found.names)) == 3
    assert all(name.startswith("yard:") for name in found.names)
    assert found.joined == {"their names": 2, "the time by EXIF": 2, "being near-duplicates": 2}


def test_groups_that_are_known_stay_and_names_do_not_depend_on_order():
    """A new group is called after the smallest hash of its pictures."""
    views = [_view("v1_frame_1.jpg", 7), _view("v1_frame_2.jpg", 6), _view("x.jpg", 7, group="known")]
    assert find_groups(views, "s").names == (f"s:{6:016x}", f"s:{6:016x}", "known")
    assert find_groups(views[::-1], "s").names == find_groups(views, "s").names[::-1]
    assert find_groups([], "s").names == ()
