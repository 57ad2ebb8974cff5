"""Label Studio's run lengths of brush strokes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from converter.data.foreign.brush_rle import BrushError, decode_brush, encode_brush

# What Label Studio's own library writes for a mask of 3 x 4 pixels with 255 in four of them.
_THEIRS = [0, 0, 0, 48, 57, 27, 254, 19, 0, 191, 255, 108, 0]


def test_it_writes_what_label_studio_writes():
    """Byte by byte, and reads it back."""
    mask = np.zeros((3, 4), bool)
    mask[1, 1:] = mask[2, 0] = True
    assert list(encode_brush(mask)) == _THEIRS
    np.testing.assert_array_equal(decode_brush(bytes(_THEIRS), 48).reshape(3, 4, 4)[..., 3] > 127, mask)


@given(arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_any_mask_comes_back(mask):
    """Encoding and decoding is the identity, pixel by pixel."""
    values = decode_brush(encode_brush(mask), mask.size * 4).reshape(*mask.shape, 4)
    np.testing.assert_array_equal(values[..., 3] == 255, mask)


def test_single_values_are_read():
    """A run that does not repeat holds its values one by one, as soft edges are stored."""
    bits = f"{3:032b}" + f"{7:05b}" + f"{2:04b}{3:04b}{7:04b}{15:04b}" + "0" + "00" + f"{2:03b}"
    bits += "".join(f"{value:08b}" for value in (9, 130, 255))
    packed = int(bits + "0" * (-len(bits) % 8), 2).to_bytes(-(-len(bits) // 8), "big")
    assert decode_brush(packed, 3).tolist() == [9, 130, 255]


@pytest.mark.parametrize("packed", [b"", b"\0\0\0\x30", bytes(60)])
def test_damaged_streams_are_refused(packed):
    """A stream that is cut off, or of another size, is said to be so."""
    with pytest.raises(BrushError):
        decode_brush(packed, 48)
    with pytest.raises(BrushError, match="cut off"):
        decode_brush(encode_brush(np.eye(9, dtype=bool))[:20], 9 * 9 * 4)
