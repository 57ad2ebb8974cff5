"""Changed pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from converter.training.augment import AUGMENTATIONS, INSPECTION, ROBUST, Augmentation, augment, augment_mask

_SIZE_PX = 64


def _picture(seed=0, shape=(60, 80, 3)):
    noise = np.random.default_rng(seed).integers(0, 255, shape, np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3)


def _rng():
    return np.random.default_rng(7)


def test_nothing_asked_for_changes_nothing():
    """The default augmentation is the identity on a picture of the target's size."""
    picture = _picture(shape=(_SIZE_PX, _SIZE_PX, 3))
    assert Augmentation().changes_nothing
    np.testing.assert_array_equal(augment(picture, _SIZE_PX, Augmentation(), _rng()), picture)


def test_the_same_state_gives_the_same_picture():
    """Seeded: equal generators, equal pictures; another draw, another picture."""
    first = augment(_picture(), _SIZE_PX, INSPECTION, np.random.default_rng(1))
    again = augment(_picture(), _SIZE_PX, INSPECTION, np.random.default_rng(1))
    other = augment(_picture(), _SIZE_PX, INSPECTION, np.random.default_rng(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (_SIZE_PX, _SIZE_PX, 3)
    assert np.abs(first.astype(int) - other).mean() > 2


@pytest.mark.parametrize("seed", range(6))
def test_a_mask_follows_its_picture(seed):
    """A bright square and its mask go through the same geometry: they still cover each other."""
    picture = np.zeros((60, 80, 3), np.uint8)
    mask = np.zeros((60, 80), np.uint8)
    picture[20:40, 30:55] = 255
    mask[20:40, 30:55] = 255
    geometry = Augmentation(flip_left_right=True, flip_up_down=True, rotation_deg=40, crop_share=0.2)
    seen = augment(picture, _SIZE_PX, geometry, np.random.default_rng(seed))[..., 0] > 127
    expected = augment_mask(mask, _SIZE_PX, geometry, np.random.default_rng(seed)) > 127
    assert expected.sum() > 100
    assert (seen & expected).sum() / (seen | expected).sum() > 0.95


def test_flips_are_flips():
    """With mirroring alone, every picture is the original or its exact mirror image, and both occur."""
    picture = _picture(shape=(_SIZE_PX, _SIZE_PX, 3))
    seen = [
        augment(picture, _SIZE_PX, Augmentation(flip_left_right=True), np.random.default_rng(seed))
        for seed in range(12)
    ]
    mirrored = [np.array_equal(one, picture[:, ::-1]) for one in seen]
    assert any(mirrored)
    assert not all(mirrored)
    assert all(m or np.array_equal(one, picture) for m, one in zip(mirrored, seen, strict=True))


def test_exposure_keeps_black_and_white():
    """Another exposure moves the middle tones and neither end."""
    ramp = np.tile(np.array([0, 128, 255], np.uint8)[:, None, None], (1, 3, 3))
    changed = augment(ramp, 3, Augmentation(exposure_stops=1.0), np.random.default_rng(3))
    assert changed[0].max() == 0
    assert changed[2].min() == 255
    assert abs(int(changed[1, 0, 0]) - 128) > 5


@pytest.mark.parametrize(
    "change",
    [
        {"brightness_share": 0.5},
        {"contrast_share": 0.5},
        {"white_balance_share": 0.4},
        {"saturation_share": 0.9},
        {"blur_share": 0.05},
        {"noise": 20.0},
        {"jpeg_quality_min": 10},
        {"rotation_deg": 30.0},
        {"zoom_share": 0.5},
        {"stretch_share": 0.5},
        {"grey_share": 0.5},
        {"cast_share": 0.5},
        {"darkness_stops": 2.0},
        {"torch_stops": 2.0},
        {"glare": 1.0},
        {"motion_blur_share": 0.1},
        {"coarsest_px": 16},
    ],
)
def test_every_change_changes(change):
    """Each kind of change alone changes some of 24 draws, and keeps size and type."""
    picture = _picture(shape=(_SIZE_PX, _SIZE_PX, 3))
    draws = [augment(picture, _SIZE_PX, Augmentation(**change), np.random.default_rng(s)) for s in range(24)]
    assert all(draw.shape == picture.shape and draw.dtype == np.uint8 for draw in draws)
    assert sum(not np.array_equal(draw, picture) for draw in draws) >= 2


def test_inspection_gives_what_it_always_gave():
    """The pictures of `inspection` are those of 0.5.0: limits that came later draw nothing where left out.

    Held to three levels, because versions of OpenCV round blur and JPEG differently.
    """
    pinned = {29: ([85, 77, 79, 80], 911558705), 35: ([162, 166, 159, 159], 991952656)}
    for seed, (means, drawn_next) in pinned.items():
        state = np.random.default_rng(seed)
        seen = augment(_picture(), _SIZE_PX, INSPECTION, state)
        np.testing.assert_allclose(seen[:16].reshape(16, 4, 16, 3).mean((0, 2, 3)), means, atol=3)
        assert state.integers(1 << 30) == drawn_next


def test_robust_takes_in_what_bad_cameras_do():
    """Among draws of `robust` are grey ones and dark ones; the recipe's names mean these two."""
    draws = [augment(_picture(), _SIZE_PX, ROBUST, np.random.default_rng(seed)) for seed in range(60)]
    colour = [float(np.ptp(draw.astype(int), axis=2).mean()) for draw in draws]
    assert sum(one < 3 for one in colour) in range(3, 30)
    assert min(draw.mean() for draw in draws) < 70 < max(draw.mean() for draw in draws)
    assert AUGMENTATIONS["mixed"] == (INSPECTION, ROBUST)
    assert (*AUGMENTATIONS["inspection"], *AUGMENTATIONS["robust"]) == AUGMENTATIONS["mixed"]


def test_shrinking_does_not_alias():
    """Fine stripes, four times shrunk, become grey as the eye sees them, not other stripes."""
    stripes = np.tile(np.array([0, 255], np.uint8), (256, 128))[..., None].repeat(3, axis=2)
    shrunk = augment(stripes, _SIZE_PX, Augmentation(), _rng())
    assert np.abs(shrunk[2:-2, 2:-2].astype(int) - 127).max() < 30
