"""Pictures as files of many formats."""

from __future__ import annotations

import cv2


def encoded(pixels, suffix):
    """Return the bytes of a file of this format."""
    return cv2.imencode(suffix, pixels)[1].tobytes()
