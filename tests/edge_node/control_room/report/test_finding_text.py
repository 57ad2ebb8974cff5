"""The pictures of a finding on paper, and what is said of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import cv2
import msgspec
import numpy as np

from edge_node.control_room.history.records import StoredPicture
from edge_node.control_room.report.finding_text import caption_picture, describe_finding, draw_pictures
from edge_node.control_room.report.mission import DefectName, MissionFinding
from edge_node.evidence.marked_jpeg import embed_marking
from edge_node.inspection.overlay import Marking
from edge_node.messages.finding import BestEvidence
from tests.support.missions import finding
from tests.support.verdicts import START

GREY = cv2.imencode(".jpg", np.full((600, 800, 3), 128, np.uint8))[1].tobytes()


def picture(content, *, is_thumbnail=False):
    """One of the robot's."""
    return StoredPicture("quay", "crawler-1", "a" * 64, is_thumbnail=is_thumbnail, content=content)


def pixels(jpeg):
    """What a reader sees."""
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)


def test_a_picture_stands_plain_beside_its_outlined_twin():
    """The plain one is the camera's; both are of one size, small enough for five hundred."""
    place = np.zeros((15, 20), np.float32)
    place[5:10, 5:15] = 1.0
    pair = draw_pictures(picture(embed_marking(GREY, Marking(place, ("corroded steel",)))))
    plain, outlined = pixels(pair.plain), pixels(pair.outlined)
    assert plain.shape == outlined.shape == (465, 620, 3)
    assert np.abs(plain - 128).max() <= 2
    assert np.abs(outlined - plain).max() > 60
    assert len(pair.plain) < 60_000


def test_without_a_map_or_of_a_thumbnail_there_is_one_picture():
    """And none of bytes that are no picture."""
    assert draw_pictures(picture(GREY)).outlined is None
    assert draw_pictures(picture(GREY, is_thumbnail=True)) == (GREY, None)
    assert draw_pictures(picture(b"\xff\xd8no")) == (None, None)
    assert draw_pictures(picture(b"\xff\xd8no", is_thumbnail=True)) == (None, None)
    assert draw_pictures(None) == (None, None)


def test_a_caption_says_what_its_own_picture_shows_and_what_is_worse():
    """Never the finding's peaks."""
    shown = BestEvidence(verdict="crawler-1:epoch:5", severity="mid", confidence=0.9, area_fraction=0.14)
    it = finding(5, best_verdict="crawler-1:epoch:6", best_evidence=shown)
    found = MissionFinding(1, it, None, picture(GREY))
    text = "whole picture: mid, about 14% corroded, confidence 90%, the worst frame (late) has no picture"
    assert caption_picture(found) == text
    assert caption_picture(found, is_pair=True) == f"{text}; right: where the map says corroded"
    same = msgspec.structs.replace(it, best_verdict="crawler-1:epoch:5")
    assert "worst" not in caption_picture(replace(found, finding=same))


def test_the_defect_of_a_finding_is_named():
    """With its state in words."""
    found = MissionFinding(1, finding(5), None, None, None, DefectName("D7", "weld 4", "not_a_defect"))
    assert ("Defect", "D7 weld 4, not a defect") in describe_finding(found)


def test_a_span_over_midnight_names_both_days_and_an_end_without_a_reason_is_one():
    """A robot that does not say why it closed a finding closed it all the same."""
    begin = START.replace(hour=23, minute=59)
    it = finding(5, first_observed_at=begin, last_observed_at=begin + timedelta(minutes=2), frames=1)
    facts = dict(describe_finding(MissionFinding(1, it, None, None)))
    day, next_day = f"{begin:%Y-%m-%d}", f"{begin + timedelta(days=1):%Y-%m-%d}"
    assert facts["Seen"] == f"{day} 23:59:00 +00:00 to {next_day} 00:01:00 +00:00, 1 frame"
    assert facts["State"] == "closed"
