"""Picture files as TensorFlow decodes them, beside the node's decoder."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from converter.source_model.decoding import Pictures, decode, hash_pixels
from converter.source_model.request import SourcePicture
from edge_node.camera.picture import read_picture
from tests.support.entry_graphs import draw_picture


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp"])
def test_the_accurate_decoder_gives_the_nodes_pixels(tmp_path, suffix):
    """To the last bit, so that no pixels need be handed over."""
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), cv2.resize(draw_picture(), (70, 50)))
    own = read_picture(path)[..., ::-1]
    assert np.array_equal(decode(path.read_bytes()), own)
    picture = SourcePicture(path=str(path), sha256=hash_pixels(own))
    (found,) = Pictures([picture], tmp_path).compare_decoders(1)
    assert (found.pixels, found.unread) == ("", "")
    assert (found.worst_levels is not None) == (suffix == "jpg")


def test_pixels_that_differ_are_kept_and_what_is_no_picture_is_told(tmp_path):
    """A picture that the node turns by its EXIF is kept as TensorFlow has it; rubbish has a reason."""
    path, rubbish = tmp_path / "a.png", tmp_path / "b.png"
    cv2.imwrite(str(path), draw_picture())
    rubbish.write_bytes(b"no picture")
    pictures = [SourcePicture(path=str(path), sha256="another"), SourcePicture(path=str(rubbish))]
    turned, unread = Pictures(pictures, tmp_path).compare_decoders(2)
    assert np.array_equal(np.load(tmp_path / turned.pixels), draw_picture()[..., ::-1])
    assert unread.unread
    assert "\n" not in unread.unread


def test_pixels_of_another_shape_have_another_hash():
    """A turned picture of equal bytes is not the same."""
    assert hash_pixels(np.zeros((2, 3, 3), np.uint8)) != hash_pixels(np.zeros((3, 2, 3), np.uint8))
