"""Names in files of other tools find pictures, and none outside of the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from converter.data.foreign.picture_finder import AMBIGUOUS, MISSING, OUTSIDE, PictureFinder


@pytest.fixture
def finder(tmp_path) -> PictureFinder:
    """A set with pictures in two folders, and a picture beside it."""
    for name in ("set/images/a b.jpg", "set/train/c.jpg", "set/val/c.jpg", "set/d.jpg", "secret.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "set" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (tmp_path / "set" / "circle").symlink_to("circle")
    return PictureFinder(tmp_path / "set")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("d.jpg", "d.jpg"),
        ("images/a b.jpg", "images/a b.jpg"),
        ("images\\a b.jpg", "images/a b.jpg"),
        ("a b.jpg", "images/a b.jpg"),
        ("C:\\data\\d.jpg", "d.jpg"),
        ("/home/me/train/c.jpg", "train/c.jpg"),
        ("../val/c.jpg", "val/c.jpg"),
    ],
)
def test_a_name_finds_its_picture(finder, name, found):
    """Also with the folders of another machine, where these tell which one is meant."""
    path = finder.find(name)
    assert isinstance(path, Path)
    assert finder.name_of(path) == found


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../secret.jpg", OUTSIDE),
        ("images/../../secret.jpg", OUTSIDE),
        ("/etc/passwd", OUTSIDE),
        ("link.jpg", OUTSIDE),
        ("c.jpg", AMBIGUOUS),
        ("e.jpg", MISSING),
        ("", MISSING),
        ("a\0b", MISSING),
        ("x" * 999, MISSING),
        ("x/" * 4000, MISSING),
        ("circle/a.jpg", MISSING),
    ],
)
def test_other_names_find_none(finder, name, why):
    """A path or a link out of the folder, two pictures of one name, no picture."""
    assert finder.find(name) == why


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("/data/upload/1/0a1b2c3d-d.jpg", "d.jpg"),
        ("/data/upload/12/d.jpg", "d.jpg"),
        ("/data/local-files/?d=images/a%20b.jpg", "images/a b.jpg"),
        ("/data/local-files/?d=root/of/train/c.jpg", "train/c.jpg"),
        ("https://host.example/x/a%20b.jpg?sig=1", "images/a b.jpg"),
        ("s3://bucket/val/c.jpg", "val/c.jpg"),
    ],
)
def test_addresses_of_label_studio(finder, url, found):
    """Uploaded files carry eight digits before their name, local files stand behind ``d=``."""
    path = finder.find_url(url)
    assert isinstance(path, Path), path
    assert finder.name_of(path) == found


def test_names_as_servers_change_them(tmp_path):
    """Written as an address, or without the blanks and brackets that Label Studio takes out."""
    for name in ("my plate (1).jpg", "x.jpg"):
        (tmp_path / name).write_bytes(b"")
    finder = PictureFinder(tmp_path)
    assert finder.find("images/my%20plate%20%281%29.jpg") == (tmp_path / "my plate (1).jpg").resolve()
    assert (
        finder.find_url("/data/upload/2/0a1b2c3d-my_plate_1.jpg") == (tmp_path / "my plate (1).jpg").resolve()
    )
    assert finder.find("..%2Fsecret.jpg") == OUTSIDE


def test_addresses_that_lead_out_find_none(finder):
    """Neither an encoded path nor a picture written into the address is opened."""
    assert finder.find_url("/data/local-files/?d=..%2Fsecret.jpg") == OUTSIDE
    assert finder.find_url("/data/local-files/?d=/etc/passwd") == OUTSIDE
    assert isinstance(finder.find_url("data:image/png;base64,AAAA"), str)
