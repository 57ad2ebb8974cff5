"""What is asked of a broker that keeps less than others."""

from __future__ import annotations

import pytest

from edge_node.mqtt.promise_search import PromiseSearch
from edge_node.mqtt.types import LinkError, Promise

FULL = Promise()
SILENT_END = LinkError("closed", is_unanswered=True)


def settled(search: PromiseSearch, keeps: Promise, attempts: int = 20) -> Promise:
    """Connect again and again to a broker of 3.1.1 that closes what it does not keep."""
    for _ in range(attempts):
        asked = search.wanted
        if (asked.retain and not keeps.retain) or asked.qos > keeps.qos:
            search.ended(SILENT_END)
        elif not search.answered():
            return asked
    pytest.fail("it does not settle")


@pytest.mark.parametrize("retain", [True, False])
@pytest.mark.parametrize("qos", [0, 1])
def test_a_silent_broker_is_asked_for_as_much_as_it_keeps(retain: bool, qos: int) -> None:
    """Every combination is found, and stays over a restart of the broker."""
    keeps, search = Promise(retain=retain, qos=qos), PromiseSearch()
    assert settled(search, keeps) == keeps
    search.ended(SILENT_END)
    assert search.wanted == keeps
    assert settled(search, keeps) == keeps


def test_a_broker_that_was_only_starting_gets_the_full_promise() -> None:
    """Connections that were closed by chance must not cost retained messages for ever."""
    search = PromiseSearch()
    for _ in range(3):
        search.ended(SILENT_END)
    assert search.wanted != FULL
    assert settled(search, FULL) == FULL


def test_a_reason_is_believed_at_once() -> None:
    """MQTT 5 names what it does not keep: one attempt for each."""
    search = PromiseSearch()
    assert search.ended(LinkError("x", code=0x9A))
    assert search.wanted == Promise(retain=False)
    assert search.ended(LinkError("x", code=0x9B))
    assert search.wanted == Promise(retain=False, qos=0)
    assert not search.answered()
    assert not search.ended(LinkError("x", code=0x87))
    assert not search.ended(LinkError("Connection refused"))
    assert search.wanted == Promise(retain=False, qos=0)
