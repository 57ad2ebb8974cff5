"""The view in a JPEG: embedded with its mask, found again, refused where it is damaged."""

from __future__ import annotations

import cv2
import msgspec
import numpy as np
import pytest

from edge_node.errors import ConfigError
from edge_node.messages.camera_view import Crop, Lens
from edge_node.view.framing import Framing
from edge_node.view.recorded_view import embed_view, read_view, record_view, restore_view
from edge_node.view.settings import ViewSettings

NOISE = np.random.default_rng(5)
PICTURE = NOISE.integers(0, 256, (120, 160, 3), dtype=np.uint8)
JPEG = cv2.imencode(".jpg", PICTURE)[1].tobytes()
MASK = cv2.circle(np.full((120, 160), 255, np.uint8), (80, 119), 40, 0, -1)
SETTINGS = ViewSettings(
    270,
    "horizontal",
    Crop(left_px=10, top_px=20, width_px=90, height_px=100, of_px=(120, 160)),
    Lens(
        model="fisheye",
        width_px=320,
        height_px=240,
        fx_px=200.1,
        fy_px=1 / 3 + 200,
        cx_px=160,
        cy_px=120,
        coefficients=(0.1, -0.02, 1e-9, 0.0),
    ),
    MASK,
)


def test_the_view_of_a_picture_is_restored_to_the_byte():
    """Every number and the mask: the restored view makes the same picture."""
    framing = Framing(SETTINGS, 160, 120)
    recorded = read_view(embed_view(JPEG, record_view(framing.numbers, MASK)))
    restored = restore_view(recorded).framing(160, 120)
    assert restored.numbers == framing.numbers
    assert np.array_equal(restored.render(PICTURE), framing.render(PICTURE))


def test_a_mask_of_any_pattern_is_embedded_whole():
    """Noise in a large picture takes several segments."""
    mask = np.where(NOISE.random((700, 1000)) < 0.5, 0, 255).astype(np.uint8)
    framing = Framing(ViewSettings(mask=mask), 1000, 700)
    recorded = read_view(embed_view(JPEG, record_view(framing.numbers, mask)))
    assert np.array_equal(restore_view(recorded).settings.mask, mask)


def test_a_picture_without_a_view_has_none():
    """As the camera gave it, or of an earlier version."""
    assert read_view(JPEG) is None
    assert read_view(b"") is None


def test_a_damaged_view_is_refused():
    """The picture as it is would show something else than what was judged."""
    marked = embed_view(JPEG, record_view(Framing(SETTINGS, 160, 120).numbers, MASK))
    with pytest.raises(ConfigError, match="damaged"):
        read_view(marked.replace(b'"rotate_deg":270', b'"rotate_deg":271'))
    with pytest.raises(ConfigError, match="damaged"):
        read_view(marked.replace(b'"coefficients":[', b'"coefficients":[1,'))
    recorded = read_view(marked)
    with pytest.raises(ConfigError, match="mask"):
        restore_view(msgspec.structs.replace(recorded, mask_png=None))


def test_a_picture_that_was_turned_since_is_refused():
    """A viewer that turns a JPEG without loss keeps the view in it, which would turn it once more."""
    marked = embed_view(JPEG, record_view(Framing(ViewSettings(90), 160, 120).numbers, None))
    view = restore_view(read_view(marked))
    assert view.misfit(160, 120) == ""
    assert view.misfit(120, 160).endswith("the robot's had 160 x 120: it was turned, scaled or cut since")
