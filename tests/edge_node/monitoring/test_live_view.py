"""The live view draws a picture once for all who look."""

from __future__ import annotations

import threading


def test_many_viewers_draw_a_picture_once(view):
    """Eight who look at once get the same bytes of one encoding."""
    found = []
    viewers = [threading.Thread(target=lambda: found.append(view.picture())) for _ in range(8)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    assert len({id(picture) for picture in found}) == 1
