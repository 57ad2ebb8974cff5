"""Who is at a robot's old name: itself, as it left, or somebody else who is alive."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from edge_node.delivery.stale_topics import StaleTopics
from edge_node.messages.status import OfflineReason, Presence, Status
from edge_node.messages.topics import Topics
from edge_node.messages.verdict import encode
from edge_node.mqtt.retained_topics import RetainedTopics
from edge_node.mqtt.types import Incoming

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = Topics("quay", "old"), Topics("quay", "new")


@pytest.fixture
def stale(tmp_path: Path) -> StaleTopics:
    """A robot that was called OLD and is NEW now, over a new connection."""
    file = tmp_path / "retained.json"
    RetainedTopics(file, "b:1").claim([OLD.status, OLD.latest, NEW.thumbnail, "homeassistant/x/config"])
    retained = RetainedTopics(file, "b:1")
    retained.claim([NEW.status])
    topics = StaleTopics(retained, NEW)
    topics.begin()
    return topics


def said(presence: Presence, reason: OfflineReason | None = None, *, retained: bool = True) -> Incoming:
    """A status of OLD as it comes."""
    status = Status(
        site="quay", robot="old", since=datetime.now(timezone.utc), presence=presence, offline_reason=reason
    )
    return Incoming(OLD.status, encode(status), retained)


def cleared(stale: StaleTopics, now_s: float) -> list[str]:
    """Return the topics that are cleared at a moment; the broker takes them."""
    found = []
    while (message := stale.next_message(now_s, is_idle=False)) is not None:
        assert message.payload == b""
        assert message.retain
        stale.answered(0)
        found.append(message.topic)
    return found


def test_what_is_ours_alone_goes_at_once_and_a_name_that_is_offline_too(stale) -> None:
    """The old thumbnail of this very robot, and what a name left that has gone."""
    assert stale.filters == [OLD.status]
    assert cleared(stale, 0) == [NEW.thumbnail]
    stale.take(said(Presence.OFFLINE, OfflineReason.STOPPED))
    assert cleared(stale, 1) == [OLD.status, OLD.latest]
    assert cleared(stale, 1000) == []
    assert stale.filters == []


def test_our_own_will_that_still_waits_is_waited_for(stale) -> None:
    """After a power cut the broker says online for some seconds, then offline."""
    cleared(stale, 0)
    stale.take(said(Presence.ONLINE))
    assert cleared(stale, 20) == []
    stale.take(said(Presence.OFFLINE, OfflineReason.LINK_LOST, retained=False))
    assert cleared(stale, 21) == [OLD.status, OLD.latest]


@pytest.mark.parametrize("reason", [None, OfflineReason.STOPPED])
def test_whoever_speaks_or_stays_online_is_somebody_else(stale, reason) -> None:
    """Only a robot that is alive publishes; its messages stay, for ever."""
    cleared(stale, 0)
    stale.take(said(Presence.ONLINE))
    if reason is None:
        assert cleared(stale, 121) == []
    else:
        stale.take(said(Presence.OFFLINE, reason, retained=False))
    stale.begin()
    assert cleared(stale, 200) == []
    stale.take(said(Presence.OFFLINE, OfflineReason.STOPPED))
    assert cleared(stale, 1000) == []


def test_where_no_status_is_retained_the_rest_goes_after_a_while(stale) -> None:
    """No JSON counts as none; what the broker refuses is tried again over the next connection."""
    cleared(stale, 0)
    stale.take(Incoming(OLD.status, b"junk", is_retained=True))
    assert cleared(stale, 14) == []
    assert stale.next_message(16, is_idle=False) is not None
    stale.answered(0x87)
    stale.begin()
    assert OLD.status in cleared(stale, 20) + cleared(stale, 40)


def test_a_broker_that_ends_the_link_at_this_subscription_is_asked_a_few_times_only(stale) -> None:
    """The robot's own work must not suffer from a look at an old name."""
    asked = 0
    for _ in range(20):
        stale.begin()
        asked += bool(stale.filters)
        cleared(stale, 0)
    assert asked <= 5
    assert cleared(stale, 1000) == []
