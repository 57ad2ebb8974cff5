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
    keeps, search = Promise(retain=retain, qos=qos), PromiseSearch(may_guess=True)
    assert settled(search, keeps) == keeps
    search.ended(SILENT_END)
    assert search.wanted == keeps
    assert settled(search, keeps) == keeps


def test_a_broker_that_was_only_starting_gets_the_full_promise() -> None:
    """Connections that were closed by chance must not cost retained messages for ever."""
    search = PromiseSearch(may_guess=True)
    for _ in range(3):
        search.ended(SILENT_END)
    assert search.wanted != FULL
    assert settled(search, FULL) == FULL


def test_the_record_waits_while_qos_0_is_only_tried() -> None:
    """A broker that restarts again and again is no broker of QoS 0."""
    search, tried = PromiseSearch(may_guess=True), []
    for _ in range(4):
        search.ended(SILENT_END)
        tried.append((search.wanted.qos, search.is_trying_qos_0))
    assert tried == [(1, False), (1, False), (0, True), (0, True)]
    assert search.answered()
    assert (search.wanted, search.is_trying_qos_0) == (FULL, False)
    search.ended(SILENT_END)
    assert search.wanted == FULL
    search.ended(SILENT_END)
    assert not search.answered()
    assert (search.wanted.qos, search.is_trying_qos_0) == (0, False)


def test_of_mqtt_5_nothing_is_guessed() -> None:
    """It would name what it does not keep; connections end for other reasons."""
    search = PromiseSearch(may_guess=False)
    for _ in range(10):
        assert not search.ended(SILENT_END)
    assert search.wanted == FULL


def test_a_reason_is_believed_at_once() -> None:
    """MQTT 5 names what it does not keep: one attempt for each."""
    search = PromiseSearch(may_guess=False)
    assert search.ended(LinkError("x", code=0x9A))
    assert search.wanted == Promise(retain=False)
    assert search.ended(LinkError("x", code=0x9B))
    assert search.wanted == Promise(retain=False, qos=0)
    assert not search.answered()
    assert not search.ended(LinkError("x", code=0x87))
    assert not search.ended(LinkError("Connection refused"))
    assert search.wanted == Promise(retain=False, qos=0)
