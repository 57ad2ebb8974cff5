"""What a container announces is compared with the file's length; what announces nothing is never accused."""

import re

import pytest

from edge_node.camera.backends.video_end import find_cut, lists_pictures
from edge_node.errors import CameraError


def box(name, content=b"", *, length=None):
    """Return a box of an ISO file."""
    return (8 + len(content) if length is None else length).to_bytes(4, "big") + name + content


PAGE = b"OggS\0\4" + bytes(20) + b"\2\3\4" + b"abcdefg"
ELEMENT = b"\x06\x0e\x2b\x34" + bytes(12)
GIF = b"GIF89a\1\0\1\0\x80\0\0" + bytes(6) + b"!\xff\3abc\0,\0\0\0\0\1\0\1\0\0\2\2ab\3abc\0"
IVF = b"DKIF\0\0 \0" + bytes(24) + b"\3\0\0\0" + bytes(8) + b"abc"

START = box(b"ftyp", b"isom\0\0\2\0")


def cut_of(folder, content):
    """Return what is said of a file with ``content``."""
    path = folder / "film"
    path.write_bytes(content)
    return find_cut(path, every_picture=True)


@pytest.mark.parametrize(
    "content",
    [
        START + box(b"moov") + box(b"mdat", bytes(9)),
        START + box(b"moov") + box(b"mdat", bytes(9), length=0),  # to the end of the file
        START + box(b"moov") + box(b"mdat", bytes(9)) + b"\x77\x11\x22\x33Trailer of some recorder",
        START + box(b"moov") + box(b"mdat", bytes(9)) + bytes(3),
        START + box(b"moov") + box(b"mdat", b"x" * 9) + bytes(9000),  # reserved space
        START + box(b"moov") + box(b"mdat", b"x" * 9) + box(b"free", bytes(9000)),
        START + 2 * (box(b"moov") + box(b"moof") + box(b"mdat", b"abc")),  # a stream that begins anew
        START + box(b"auth", b"abc") + box(b"mdat", b"abc") + box(b"moov"),  # a box of some recorder
        START + box(b"mdat", b"abc") + box(b"auth", length=99999) + b"abc",
        b"RIFF\0\0\0\0AVI LIST\xff\xff\xff\xffmovi00dc\3\0\0\0abc00dc\4\0\0\0abcd",  # not filled
        b"RIFF\0\0\0\0AVI LIST\4\0\0\0hdrlLIST\xff\xff\xff\xffmovi00dc\4\0\0\0abcd",
        b"RIFF\x10\0\0\0AVI JUNK\4\0\0\0abcd",  # counts its own header
        b"FLV\1\1\0\0\0\x09\0\0\0\0" + b"\x09\0\0\2" + bytes(7) + b"ab",  # no length behind the last tag
        (b"\x47" + bytes(187)) * 20 + b"appended",
        b"\0\0\0\1\x67" + b"x" * 5000,
        GIF + b";",
        GIF + b";appended",
        IVF,
        PAGE + PAGE,
        ELEMENT + b"\3abc" + ELEMENT + b"\x83\0\0\3abc",
        b"",
    ],
)
def test_what_is_complete_or_announces_nothing_is_not_accused(tmp_path, content):
    """Lengths that recorders leave out, reserved space and additions behind the end are no cut."""
    assert cut_of(tmp_path, content) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (START + box(b"moov") + box(b"mdat", bytes(9), length=99), "box mdat ends at byte 123"),
        (START + box(b"mdat", bytes(9)), "index .the box moov. is missing"),
        (START + box(b"moov") + box(b"moof") + box(b"mdat", b"abc") + b"\0\0\1", "next box ends"),
        (START + box(b"moov") + b"\0\0\0\1mdat\0\0\0\1\0\0\0\0", "box mdat ends at byte 4,294,967,320"),
        (START + box(b"moov") + box(b"mdat", b"x" * 9 + bytes(9000)), "from byte 41 of 9,041 on"),
        (b"RIFF\0\0\0\0AVI LIST\xff\xff\xff\xffmovi00dc\x09\0\0\0abcd", "chunk 00dc ends"),
        (b"FLV\1\1\0\0\0\x09\0\0\0\0" + b"\x09\0\0\7" + bytes(7) + b"ab", "last tag ends"),
        ((b"\x47" + bytes(187)) * 20 + b"\x47abc", "last packet ends"),
        (2 * (START + box(b"moov") + box(b"mdat", b"abc")), "second index, at byte 51, is of another film"),
        (GIF, "next block ends"),
        (GIF[:-3], "last block ends"),
        (IVF[:-1], "last picture ends"),
        (IVF + b"\3", "last picture ends"),
        (PAGE + PAGE[:-1], "last page ends"),
        (PAGE + PAGE[:9], "last page ends"),
        (ELEMENT + b"\x83\0\0\3ab", "last element ends"),
        (b"\0\0\0\1\x67" + b"x" * 5000 + bytes(4000), "only zeros"),
    ],
)
def test_what_ends_before_what_it_announces_is_told(tmp_path, content, words):
    """The sentence names the part and both lengths."""
    path = tmp_path / "film"
    path.write_bytes(content)
    assert re.search(words, find_cut(path))


def test_what_recorders_write_is_complete(odd_clips):
    """Fragments, live files, times before packets: nothing is said of any whole file."""
    assert {name: find_cut(path, every_picture=True) for name, path in odd_clips.items()} == dict.fromkeys(
        odd_clips
    )


def test_a_damaged_cluster_is_found_where_every_picture_is_looked_at(odd_clips, tmp_path):
    """The segment and its clusters are as long as announced; inside, the structure breaks."""
    content = bytearray(odd_clips["late.mkv"].read_bytes())
    content[len(content) // 2 : len(content) // 2 + 2000] = bytes(2000)
    assert "structure breaks at byte" in cut_of(tmp_path, content)
    assert find_cut(tmp_path / "film") is None


def test_containers_that_list_their_pictures_are_known(odd_clips):
    """MP4 and AVI have an entry for each; Matroska has a length of time."""
    assert lists_pictures(odd_clips["index-first.mp4"])
    assert lists_pictures(odd_clips["pipe.avi"])
    assert not lists_pictures(odd_clips["late.mkv"])


def test_a_file_that_is_not_there_is_told(tmp_path):
    """In a sentence."""
    with pytest.raises(CameraError, match="none: No such file"):
        find_cut(tmp_path / "none")
