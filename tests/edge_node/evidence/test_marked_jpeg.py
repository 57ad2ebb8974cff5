"""Pictures with a marking: the pixels stay, damage is noticed, every reader still reads them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_node.evidence.marked_jpeg import draw_marking, embed_marking, read_marking
from edge_node.inspection.overlay import Marking

NOISE = np.random.default_rng(5)
PIXELS = NOISE.integers(0, 255, (60, 80, 3), dtype=np.uint8)
JPEG = cv2.imencode(".jpg", PIXELS)[1].tobytes()
MAP = NOISE.random((7, 9), dtype=np.float32)


def test_a_marking_comes_back_and_the_pixels_do_not_change():
    """Map in steps of 1/255, words in any script; the picture decodes to the same bytes."""
    marked = embed_marking(JPEG, Marking(MAP, ("corroded", "ржавчина 锈")))
    found = read_marking(marked)
    assert found.lines == ("corroded", "ржавчина 锈")
    assert found.corroded.shape == (7, 9)
    assert np.abs(found.corroded - MAP).max() <= 0.5 / 255 + 1e-6
    before, after = (cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1) for jpeg in (JPEG, marked))
    assert np.array_equal(before, after)


def test_a_grade_that_contradicts_the_verdict_is_not_read():
    """Pictures of older nodes grade aluminium by a standard for painted steel; the rest stays."""
    lines = ("corroded aluminium", "about 3% of the picture", "near ISO 4628-3 Ri 3, ASTM D610 5")
    assert read_marking(embed_marking(JPEG, Marking(MAP, lines))).lines == lines[:2]


def test_pillow_reads_it_too():
    """A reader that is not OpenCV skips the segment."""
    image = pytest.importorskip("PIL.Image")
    import io

    assert image.open(io.BytesIO(embed_marking(JPEG, Marking(MAP, ("x",))))).size == (80, 60)


def test_a_large_map_is_made_small_enough_for_its_segment():
    """A segment holds 64 kB; a map of many tiles, and endless words, are cut to what fits."""
    marked = embed_marking(JPEG, Marking(NOISE.random((300, 500), dtype=np.float32), ("x" * 9000,) * 99))
    assert len(marked) - len(JPEG) < 0xFFFF
    assert read_marking(marked).corroded.shape == (96, 96)


def test_a_picture_without_a_map_or_a_marking():
    """Words alone are drawn below; nothing at all leaves the picture as it is."""
    assert read_marking(JPEG) is None
    assert draw_marking(JPEG).shape == PIXELS.shape
    assert read_marking(embed_marking(JPEG, Marking(None, ()))) == Marking(None, ())
    assert draw_marking(embed_marking(JPEG, Marking(None, ("dark",)))).shape[0] > 60
    assert draw_marking(b"no picture") is None
    with pytest.raises(ValueError, match="no JPEG"):
        embed_marking(b"no picture", Marking(None, ()))


@pytest.mark.parametrize("shape", [(480, 640, 3), (640, 480, 3), (60, 80, 3)])
def test_a_small_copy_keeps_to_its_size_with_its_words(shape):
    """The longer side holds the words too, also of a portrait; what is smaller is not enlarged."""
    jpeg = cv2.imencode(".jpg", np.full(shape, 90, np.uint8))[1].tobytes()
    lines = ("corroded 97%", "steel > late", "area 12%", "Ri 4", "crawler-1")
    whole = draw_marking(embed_marking(jpeg, Marking(MAP, lines)))
    small = draw_marking(embed_marking(jpeg, Marking(MAP, lines)), at_most_px=160)
    assert max(small.shape) == min(160, max(whole.shape))
    assert small.max() > 200  # the words


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.integers(0, 200))
def test_damaged_bytes_never_raise(noise, at):
    """Whatever a control room is sent in place of a picture, it is a marking or none."""
    marked = embed_marking(JPEG, Marking(MAP, ("x",)))
    for content in (noise, marked[:at], marked[:at] + noise + marked[at + len(noise) :]):
        found = read_marking(content)
        assert found is None or found.corroded is None or found.corroded.size > 0
