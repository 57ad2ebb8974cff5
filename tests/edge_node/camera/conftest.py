"""A picture to encode."""

from __future__ import annotations

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="session")
def pixels():
    """Return a picture of smooth noise, 64 x 96."""
    noise = np.random.default_rng(5).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)
