"""A verdict with another's id is kept and told, not taken for a duplicate."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.history import conflicts
from edge_node.messages.verdict import encode
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    import pytest

    from edge_node.control_room.history.history import History


def test_other_content_under_a_known_id_is_a_conflict(
    history: History, caplog: pytest.LogCaptureFixture
) -> None:
    """Also if it differs in one field, or in its bytes alone; the first one stays; it is told once."""
    first, forged = verdict(1, "C"), verdict(1, "U")
    payload = encode(first)
    assert history.add_verdict(first, payload=payload)
    assert not history.add_verdict(first, payload=payload)
    with caplog.at_level(logging.WARNING):
        assert not history.add_verdict(forged)
        assert not history.add_verdict(forged)
        assert not history.add_verdict(first, payload=payload.replace(b'"seq":1,', b'"seq": 1,'))
    (robot,) = history.robots()
    assert (robot.verdicts, robot.duplicates, robot.conflicts) == (1, 1, 2)
    assert history.verdict(first.id).verdict == first
    newest, oldest = history.conflicts()
    assert (oldest.epoch, oldest.seq, oldest.count) == ("epoch", 1, 2)
    assert oldest.payload == encode(forged)
    assert newest.payload != payload
    assert len(caplog.records) == 1
    assert "crawler-1:epoch:1" in caplog.text


def test_a_flood_of_conflicts_is_bounded(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest are kept."""
    monkeypatch.setattr(conflicts, "MAX_CONFLICTS", 10)
    history.add_verdict(verdict(1, "C"))
    with history.transaction():
        for number in range(50):
            history.add_verdict(msgspec.structs.replace(verdict(1, "U"), frame_id=number))
    assert len(history.conflicts()) == 10
    assert b'"frame_id":49' in history.conflicts(limit=1)[0].payload
