"""The pictures and videos of a folder, in order, and every other file named or counted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_node.camera.media_files import list_media, natural_order
from edge_node.errors import CameraError
from tests.support.encoded_pictures import encoded


@pytest.fixture
def jpeg(pixels) -> bytes:
    """The bytes of a JPEG."""
    return encoded(pixels, ".jpg")


def names(root: Path, found) -> list[str]:
    """Paths relative to the folder."""
    return [str(getattr(entry, "path", entry).relative_to(root)) for entry in found]


def test_content_says_what_a_file_is_and_nothing_is_left_out_in_silence(tmp_path, jpeg):
    """Pictures under any name come, damaged ones too; the rest is named or counted."""
    heic = b"\0\0\0\x14ftypheic\0\0\0\0mif1" + bytes(40)
    files = {
        "DCIM/100MEDIA/img10.jpg": jpeg,
        "DCIM/100MEDIA/img2.JFIF": jpeg,
        "DCIM/100MEDIA/x.heic": heic,
        "DCIM/100MEDIA/no_name": jpeg,
        "DCIM/100MEDIA/really_a_picture.txt": jpeg,
        "damaged.png": b"nothing of a picture",
        "empty.jpg": b"",
        "report.pdf": b"%PDF-1.7\n",
        "archive.zip": b"PK\x03\x04" + bytes(40),
        "notes.txt": b"P3 is a valve",
        "img10.xmp": b"<x:xmpmeta/>",
        "Thumbs.db": b"\xd0\xcf\x11\xe0" + bytes(40),
        ".DS_Store": b"\0\0\0\x01Bud1",
        "._img10.jpg": b"\0\x05\x16\x07" + bytes(40),
        ".thumbnails/a.jpg": jpeg,
        "@eaDir/a.jpg": jpeg,
        "GOPR0001.THM": jpeg,
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    found = list_media(tmp_path)
    assert names(tmp_path, found.files) == [
        "damaged.png",
        "DCIM/100MEDIA/img2.JFIF",
        "DCIM/100MEDIA/img10.jpg",
        "DCIM/100MEDIA/no_name",
        "DCIM/100MEDIA/really_a_picture.txt",
        "DCIM/100MEDIA/x.heic",
        "empty.jpg",
    ]
    assert names(tmp_path, found.left_out) == ["archive.zip", "report.pdf"]
    assert (found.unread, found.accompanying) == ((), 8)
    text = found.describe()
    assert text[1] == f"{tmp_path}/report.pdf: its content is that of no video and no picture; left out"
    assert text[-1] == "8 hidden or accompanying files (.txt, .xmp, ...) left out"


def test_numbers_in_names_sort_by_value():
    """Folders as well as files, whatever the case; equal numbers by their text."""
    expected = [
        "a/img1.jpg",
        "a/IMG2.jpg",
        "a/img010.jpg",
        "a/img10.jpg",
        "a/img10b.jpg",
        "a2/x",
        "a10/b",
        "b/1",
    ]
    assert [str(path) for path in sorted(map(Path, expected[::-1]), key=natural_order)] == expected


def test_links_are_followed_once(tmp_path, jpeg):
    """A link to a folder elsewhere is read, one back up is named, and one to nothing is named."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside / "below", outside):
        folder.mkdir(parents=True)
        (folder / "a.jpg").write_bytes(jpeg)
    (inside / "linked").symlink_to(outside)
    (inside / "below" / "up").symlink_to(inside)
    (inside / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (inside / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(inside / "pipe")
    found = list_media(inside)
    assert names(inside, found.files) == ["below/a.jpg", "gone.png", "linked/a.jpg"]
    assert [str(entry).removeprefix(f"{inside}/") for entry in found.left_out] == [
        "below/up: a link to a folder that is read already",
        "gone: a link to nothing",
        "pipe: no file but a device or a pipe",
    ]


def test_names_of_any_bytes_become_text(tmp_path, jpeg):
    """A name may hold bytes of another encoding and line ends: messages and logs hold neither."""
    (tmp_path / "a.jpg").write_bytes(jpeg)
    (tmp_path / os.fsdecode(b"caf\xe9\n.pdf")).write_bytes(b"%PDF-1.7")
    (text,) = list_media(tmp_path).describe()
    assert "caf\\udce9\\n.pdf: its content" in text
    assert text.encode()


def test_many_files_that_are_left_out_are_named_in_part(tmp_path, jpeg):
    """Twenty names and the number of the others: a log is no list of files."""
    (tmp_path / "a.jpg").write_bytes(jpeg)
    for index in range(30):
        (tmp_path / f"{index}.pdf").write_bytes(b"%PDF-1.7")
    text = list_media(tmp_path).describe()
    assert len(text) == 21
    assert text[-1] == "and 10 more files left out"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_cannot_be_read_is_told(tmp_path, jpeg):
    """It may hold pictures: it counts as unread, and as an error if it is the one that was named."""
    (tmp_path / "a.jpg").write_bytes(jpeg)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    assert [str(entry) for entry in list_media(tmp_path).unread] == [f"{locked}: Permission denied"]
    with pytest.raises(CameraError, match="Permission denied"):
        list_media(locked)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "no such file"), (b"", "empty"), (b"text", "no video and no picture")]
)
def test_what_is_neither_picture_nor_video_is_refused_by_name(tmp_path, content, said):
    """A single file is refused in a sentence."""
    path = tmp_path / "a.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CameraError, match=said):
        list_media(path)
