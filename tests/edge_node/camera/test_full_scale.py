"""Values are scaled by their own full scale, or refused in a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from edge_node.camera.full_scale import ValueRange, scale_to_eight_bits, to_eight_bits
from edge_node.errors import UnreadablePictureError

SCENE = np.random.default_rng(4).integers(0, 256, (60, 80, 3), dtype=np.uint16)
SCENE[0, 0] = 255


@pytest.mark.parametrize("bits", [9, 10, 12, 14, 15, 16])
def test_a_declared_white_becomes_255(bits):
    """A picture of any number of bits, its white declared, is that of 8 bits to a level."""
    white = (1 << bits) - 1
    values = np.rint(SCENE * (white / 255)).astype(np.uint16)
    found = to_eight_bits(values, ValueRange(white=white), "a")
    assert np.abs(found.astype(int) - SCENE).max() <= 1
    assert found.max() == 255


def test_the_upper_byte_of_sixteen_bits_is_taken():
    """Of values that fill 16 bits the upper byte counts, as OpenCV decodes them too."""
    values = SCENE * 256 + 77
    assert np.array_equal(to_eight_bits(values, ValueRange(), "a"), SCENE)


def test_zero_may_be_white():
    """Where the header says that 0 is white, the scale is turned over, not only its sign."""
    found = to_eight_bits((255 - SCENE) * 16, ValueRange(white=4095, is_inverted=True), "a")
    assert np.abs(found.astype(int) - SCENE).max() <= 1


@pytest.mark.parametrize(("factor", "bits"), [(1, 8), (4, 10), (16, 12), (64, 14)])
@pytest.mark.parametrize("defective", [0, 3, 80])
def test_low_bits_without_a_word_are_refused_with_what_to_do(factor, bits, defective):
    """Values below a quarter of 16 bits are a dark picture or a camera's own bits; no lamp hides that."""
    values = SCENE * factor
    values[10, :defective] = 65535  # also a line of text that the camera wrote
    with pytest.raises(UnreadablePictureError) as caught:
        to_eight_bits(values, ValueRange(), "a.tif")
    text = str(caught.value)
    assert text.startswith(f"a.tif: 16-bit values, the largest {int(values.max())} of 65535")
    assert f"{bits}-bit values in 16 bits; multiply them by {1 << (16 - bits)}" in text


@pytest.mark.parametrize("declared", [255, 1023])
def test_a_header_that_contradicts_the_values_is_refused(declared):
    """If more than a few defective pixels are brighter than white, nobody knows what white is."""
    with pytest.raises(UnreadablePictureError, match=f"white is {declared}, but the largest value is 4080"):
        to_eight_bits(SCENE * 16, ValueRange(white=declared), "a")
    values = SCENE * 4
    values[0, 0] = 65535
    assert to_eight_bits(values, ValueRange(white=1023), "a").max() == 255


def test_significant_bits_may_be_shifted_up_or_not():
    """The PNG specification shifts them up, cameras' software often does not; both are read."""
    unshifted = SCENE * 16 + 5
    found = to_eight_bits(unshifted, ValueRange(significant_bits=12), "a")
    assert np.abs(found.astype(int) - SCENE).max() <= 1
    shifted = unshifted << 4 | unshifted >> 8
    assert np.array_equal(to_eight_bits(shifted, ValueRange(significant_bits=12), "a"), SCENE)
    with pytest.raises(UnreadablePictureError, match="sBIT says 12 bits, but not whether"):
        to_eight_bits(SCENE * 16, ValueRange(significant_bits=12), "a")
    eight = to_eight_bits(SCENE.astype(np.uint8) >> 3, ValueRange(container=255, significant_bits=5), "a")
    assert np.abs(eight.astype(int) - SCENE).max() <= 8


def test_frames_are_scaled_alike():
    """What a camera sends in 10 bits is brighter than its white nowhere."""
    assert scale_to_eight_bits(np.array([[0, 512, 1023, 2000]], np.uint16), 1023).tolist() == [
        [0, 128, 255, 255]
    ]
