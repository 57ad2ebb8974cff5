"""The directories of TIFF files: pages, copies, damage."""

from __future__ import annotations

import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_node.camera.tiff_header import (
    BITS_PER_SAMPLE,
    NEW_SUBFILE_TYPE,
    SUB_DIRECTORIES,
    WIDTH,
    holds_raw_values,
    iter_directories,
    pages_of,
    with_first_directory,
)
from tests.support.tiff_files import tiff

PICTURE = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_page_is_found_with_its_tags(order):
    """Three directories in the file's order; values beside the directory and in it are read."""
    found = list(iter_directories(tiff(PICTURE, PICTURE, PICTURE[..., 0], order=order)))
    assert [page.tags[BITS_PER_SAMPLE] for page in found] == [(8, 8, 8), (8, 8, 8), (8,)]
    assert all(page.is_page for page in found)


def test_smaller_copies_and_masks_are_no_pages():
    """A thumbnail beside its picture is not a second page; alone it is the picture."""
    whole = next(iter_directories(tiff(PICTURE)))
    copy = next(iter_directories(tiff(PICTURE, tags={NEW_SUBFILE_TYPE: 1})))
    mask = next(iter_directories(tiff(PICTURE, tags={NEW_SUBFILE_TYPE: 4})))
    assert pages_of(tiff(PICTURE), (copy, whole, mask)) == (whole,)
    assert pages_of(tiff(PICTURE), (copy,)) == (copy,)


def test_the_picture_below_its_copies_is_the_page():
    """Some cameras list a small copy alone, and name the picture itself as a directory below it."""
    copy = tiff(PICTURE, tags={NEW_SUBFILE_TYPE: 1, SUB_DIRECTORIES: 70_000})
    behind = tiff(np.tile(PICTURE, (1, 2, 1)))[8:]
    content = copy.replace(*below(70_000, len(copy))) + behind
    (page,) = pages_of(content, tuple(iter_directories(content)))
    assert page.number(WIDTH, 0) == 8


def test_previews_of_raw_pictures_are_told_from_pictures():
    """Cameras' raw files begin with a preview; the raw values lie in a directory below it."""
    preview = tiff(PICTURE, tags={SUB_DIRECTORIES: 70_000})
    content = preview + tiff(PICTURE[..., 0], photometric=32803)[8:]
    (first,) = iter_directories(content.replace(*below(70_000, len(preview))))
    assert holds_raw_values(content.replace(*below(70_000, len(preview))), first)
    assert not holds_raw_values(preview, first)
    assert not holds_raw_values(tiff(PICTURE), next(iter_directories(tiff(PICTURE))))


def below(before: int, after: int) -> tuple[bytes, bytes]:
    """The tag of directories below, with one offset and with another."""
    return tuple(struct.pack("<HHII", SUB_DIRECTORIES, 4, 1, offset) for offset in (before, after))


def test_a_page_is_made_the_first():
    """A decoder that knows the first page alone is led to another."""
    content = tiff(PICTURE, PICTURE // 2)
    second = list(iter_directories(content))[1]
    (only,) = iter_directories(with_first_directory(content, second.offset))
    assert only == second


@pytest.mark.parametrize("damage", ["cut", "circle"])
def test_a_list_of_pages_without_an_end_is_told(damage):
    """A file that lost its tail, and one whose pages name each other, are no whole files."""
    content = tiff(PICTURE, PICTURE)
    if damage == "cut":
        content = content[: list(iter_directories(content))[1].offset]
    else:
        content = content.replace(b"\0\0\0\0" + PICTURE.tobytes(), b"\x08\0\0\0" + PICTURE.tobytes())
    with pytest.raises(ValueError, match=r"list of pages ends|none that is new"):
        list(iter_directories(content))


@given(st.sampled_from([b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"]), st.binary(max_size=200))
def test_no_damage_breaks_the_reader(start, rest):
    """Whatever follows a TIFF's beginning, there are directories or a ValueError."""
    with suppress(ValueError):
        assert len(list(iter_directories(start + rest))) <= 200
