"""What changed between two missions, on paper."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_node.control_room.comparison.comparison import compare_missions
from edge_node.control_room.history.missions.mission_book import MissionBook
from edge_node.control_room.report.report_details import ReportDetails, parse_zone
from tests.support.missions import HOSTILE
from tests.support.pdf_layout import find_overlaps, words_of
from tests.support.pdf_text import paragraphs_of
from tests.support.two_missions import EARLIER, LATER, open_two_missions


def test_every_change_stands_there_with_both_pictures(tmp_path):
    """Plain and outlined, then and now, each with its own caption; names in any script, and no overlap."""
    render = pytest.importorskip("edge_node.control_room.report.changes_pdf").render_changes_pdf
    history = open_two_missions(tmp_path / "room")
    book = MissionBook(history.database)
    earlier, later = (book.find("quay", name) for name in (EARLIER, LATER))
    later = replace(later, name=HOSTILE[1])
    comparison = compare_missions(history, earlier, later, ("none", "mid", "late"))
    first = comparison.changes[0]
    named = replace(first, defect=replace(first.defect, name=HOSTILE[2]))
    comparison = replace(comparison, changes=(named, *comparison.changes[1:]))
    details = ReportDetails(client="Hafenwerke AG", zone=parse_zone("Europe/Berlin"))
    content = render(history, comparison, details)
    history.close()
    told = paragraphs_of(content, tmp_path)
    for words in (
        *("Changes since 2026-03-01 13:00:00 +01:00, crawler-1", "Hafenwerke AG", "Анна"),
        "10 defects: 1 new, 2 grown, 1 gone, 2 unseen this time, 4 unchanged.",
        *("severity mid then, late now.", "its place was not judged this time.", "not found now"),
        "its place was judged this time, and is uncorroded.",
        "the robot did not come to its place this time.",
        "The picture: late, about 30% corroded, confidence 97%. All frames: late, 30% at most.",
        "Gone means that the later mission judged the place along its whole length",
    ):
        assert words in told, words
    # one new, two grown with two sights each, one gone, two unseen: eight sights of two pictures
    assert content.count(b"/Subtype /Image") == 16
    assert find_overlaps(words_of(content, tmp_path)) == []
