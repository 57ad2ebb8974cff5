"""The live view draws a picture once for all who look."""

from __future__ import annotations

import threading

import cv2
import numpy as np

from edge_node.camera.frame import frame_now
from edge_node.inspection.inspector import Inspection
from edge_node.messages.verdict import Decision, Outcome
from tests.support.verdicts import verdict


def test_many_viewers_draw_a_picture_once(view):
    """Eight who look at once get the same bytes of one encoding."""
    found = []
    viewers = [threading.Thread(target=lambda: found.append(view.picture())) for _ in range(8)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    assert len({id(picture) for picture in found}) == 1


def test_the_picture_is_that_of_the_verdict_that_was_told(view):
    """A viewer asks for it after the verdict, and other frames are decided meanwhile."""

    def decide(seq):
        inspection = Inspection(Decision(outcome=Outcome.CORRODED), None, 1.0)
        pixels = np.full((48, 64, 3), seq, np.uint8)
        view.on_verdict(frame_now(pixels, seq, "test"), inspection, verdict(seq, "C"))

    def grey(verdict_id=""):
        pixels = cv2.imdecode(np.frombuffer(view.picture(verdict_id), np.uint8), cv2.IMREAD_GRAYSCALE)
        return round(float(pixels.mean()))

    decide(40)
    (told, *_) = view.state_to_show().verdicts
    for seq in (80, 120):
        decide(seq)
    assert (grey(told.id), grey(), grey("crawler-1:epoch:80")) == (40, 120, 120)
    for seq in (160, 200):
        decide(seq)
        view.state_to_show()
    assert grey(told.id) == 200  # long gone
