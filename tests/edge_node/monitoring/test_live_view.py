"""The live view draws a picture once for all who look."""

from __future__ import annotations

import threading

import cv2
import numpy as np

from edge_node.camera.frame import frame_now
from edge_node.inspection.inspector import Inspection
from edge_node.messages.verdict import Decision, Outcome
from edge_node.monitoring.live_view import LiveView
from edge_node.view.framing import Framing
from edge_node.view.settings import ViewSettings
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


def test_the_map_lies_where_the_camera_saw_it():
    """Of a picture that is judged upside down the outline is at the top where the map's is at the bottom."""
    pixels = np.full((240, 320, 3), 120, np.uint8)
    corroded = np.zeros((8, 8), np.float32)
    corroded[6:, :2] = 1  # of the view: at the lower left
    inspection = Inspection(
        Decision(outcome=Outcome.CORRODED), corroded, 1.0, Framing(ViewSettings(180), 320, 240)
    )
    shown = LiveView()
    shown.on_verdict(frame_now(pixels, 1, "test"), inspection, verdict(1, "C"))
    drawn = cv2.imdecode(np.frombuffer(shown.picture(), np.uint8), cv2.IMREAD_COLOR).astype(int)
    changed = np.abs(drawn - 120).sum(axis=2) > 40
    rows, columns = np.nonzero(changed)
    assert rows.max() < 90
    assert columns.min() > 220


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
