"""A picture to encode, and videos of every container."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.support.clips import make_odd_clips, make_whole_clips


@pytest.fixture(scope="session")
def pixels():
    """Return a picture of smooth noise, 64 x 96."""
    noise = np.random.default_rng(5).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


@pytest.fixture(scope="session")
def whole_clips(tmp_path_factory):
    """Return whole videos by name: container and variant."""
    return make_whole_clips(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="session")
def odd_clips(tmp_path_factory):
    """Return whole videos of unusual time, rate or container by name."""
    return make_odd_clips(tmp_path_factory.mktemp("odd"))
