"""What people decide, and what is refused in one sentence."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.defects.records import DefectError, DefectState
from tests.support.defect_worlds import PassOf, TruePlace, look, store

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History

FIRST, SECOND, THIRD = (("quay", f"crawler-1:e0:f{number}") for number in (1, 18, 35))


def test_everything_is_logged_with_who_and_what(walked: History) -> None:
    """A person's state counts beside the computed one, and can be taken back."""
    book = DefectBook(walked.database)
    book.catch_up()
    key = book.of_findings([FIRST])[FIRST]
    book.deeds.note(key, "measured by hand: 2.1 mm left", "Ada")
    book.deeds.assign(key, "bob", "Ada")
    book.deeds.mute(key, datetime(2027, 1, 1, tzinfo=timezone.utc), "Bob")
    book.deeds.set_state(key, "repaired", "Bob")
    found = book.defect(key)
    assert found is not None
    assert (found.state, found.computed_state, found.set_by) == (DefectState.REPAIRED, DefectState.NEW, "Bob")
    assert (found.assignee, found.notes) == ("bob", 1)
    assert found.seen_since_set == 0
    book.deeds.set_state(key, None, "Ada")
    book.deeds.mute(key, None, "Ada")
    back = book.defect(key)
    assert back is not None
    assert (back.state, back.set_state, back.set_at, back.muted_until) == (DefectState.NEW, None, None, None)
    assert [(deed.by, deed.action, deed.text) for deed in reversed(book.log(key))] == [
        ("Ada", "note", "measured by hand: 2.1 mm left"),
        ("Ada", "assign", "bob"),
        ("Bob", "mute", "until 2027-01-01T00:00:00+00:00"),
        ("Bob", "state", "repaired"),
        ("Ada", "state", "as computed"),
        ("Ada", "mute", "no longer"),
    ]


def test_what_cannot_be_is_refused_in_a_sentence_and_changes_nothing(walked: History) -> None:
    """Other assets, unknown findings, all of a defect, no state of that name."""
    store(walked, look([TruePlace(1.0, 300)], PassOf(1, asset="pipe L-9"), np.random.default_rng(0)))
    book = DefectBook(walked.database)
    book.catch_up()
    elsewhere = ("quay", "crawler-1:e1:f1")
    keys = book.of_findings([FIRST, elsewhere])
    with pytest.raises(DefectError, match="only defects of one asset are joined"):
        book.deeds.join(keys[FIRST], [keys[elsewhere]], "Ada")
    with pytest.raises(DefectError, match="only findings of one asset are one defect"):
        book.deeds.join_findings([FIRST, elsewhere], "Ada")
    with pytest.raises(DefectError, match="some of its findings, not all"):
        book.deeds.part(keys[FIRST], [FIRST], "Ada")
    with pytest.raises(DefectError, match=r"is not of D\d+"):
        book.deeds.part(keys[FIRST], [SECOND], "Ada")
    with pytest.raises(DefectError, match="no finding nothing at quay"):
        book.deeds.join_findings([("quay", "nothing")], "Ada")
    with pytest.raises(DefectError, match="no defect D999"):
        book.deeds.name(999, "x", "Ada")
    with pytest.raises(DefectError, match="no state 'gone'; wanted one of growing, known"):
        book.deeds.set_state(keys[FIRST], "gone", "Ada")
    with pytest.raises(DefectError, match="name another defect"):
        book.deeds.join(keys[FIRST], [keys[FIRST]], "Ada")
    assert book.log(keys[FIRST]) == []


def test_the_first_finding_may_be_parted_and_both_places_are_found_again(walked: History) -> None:
    """The defect keeps its key; a later pass finds each of the two places where a person put it."""
    book = DefectBook(walked.database)
    book.catch_up()
    keys = book.of_findings([FIRST, SECOND, THIRD])
    joined = book.deeds.join(keys[FIRST], [keys[SECOND], keys[THIRD]], "Ada")
    parted = book.deeds.part(joined, [FIRST], "Ada")
    places = [TruePlace(1.0, 300), TruePlace(1.3, 900), TruePlace(4.2, 500)]
    store(walked, look(places, PassOf(1, scale=1.04, wrong_kinds=0.0), np.random.default_rng(1)))
    book.catch_up()
    later = [("quay", f"crawler-1:e1:f{number}") for number in (1, 18, 35)]
    found = book.of_findings([FIRST, SECOND, THIRD, *later])
    assert [found[name] for name in (FIRST, SECOND, THIRD)] == [parted, joined, joined]
    assert [found[name] for name in later] == [parted, joined, joined]
    assert book.groups()[THIRD] == f"quay:pipe L-7:{SECOND[1]}"
