"""Topic filters match as a broker matches them."""

from __future__ import annotations

import pytest

from edge_node.mqtt.session import Session
from edge_node.mqtt.topic_filter import matches
from edge_node.mqtt.types import Endpoint, Outgoing
from tests.support.collector import Collector
from tests.support.processes import wait_for

# The examples of MQTT 5.0, 4.7.1 and 4.7.2, and the node's own filters.
CASES = [
    ("sport/tennis/player1/#", "sport/tennis/player1", True),
    ("sport/tennis/player1/#", "sport/tennis/player1/ranking", True),
    ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
    ("sport/tennis/player1/#", "sport/tennis/player10", False),
    ("sport/#", "sport", True),
    ("#", "any/thing/at/all", True),
    ("sport/tennis/+", "sport/tennis/player1", True),
    ("sport/tennis/+", "sport/tennis/player1/ranking", False),
    ("sport/+", "sport", False),
    ("sport/+", "sport/", True),
    ("+/+", "/finance", True),
    ("/+", "/finance", True),
    ("+", "/finance", False),
    ("+/tennis/#", "sport/tennis", True),
    ("a/b", "a/b", True),
    ("a/b", "a/B", False),
    ("a/b", "a/b/c", False),
    ("corrosion/v1/quay/crawler-1/cmd/+", "corrosion/v1/quay/crawler-1/cmd/pause", True),
    ("corrosion/v1/quay/crawler-1/cmd/+", "corrosion/v1/quay/crawler-10/cmd/pause", False),
]
BROKERS_OWN = [
    ("#", "$SYS/uptime", False),
    ("+/uptime", "$SYS/uptime", False),
    ("$SYS/#", "$SYS/uptime", True),
]


@pytest.mark.parametrize(("topic_filter", "topic", "expected"), [*CASES, *BROKERS_OWN])
def test_filters_match_as_the_standard_says(topic_filter: str, topic: str, expected: bool) -> None:
    """The examples of the standard, wildcards before topics of the broker itself included."""
    assert matches(topic_filter, topic) is expected


def test_a_real_broker_agrees(mosquitto) -> None:
    """For each case mosquitto delivers exactly what ``matches`` says it delivers."""
    for number, (topic_filter, topic, expected) in enumerate(CASES):
        with Collector(mosquitto.port, topic_filter, client_id=f"case-{number}") as collector:
            session = Session(Endpoint("127.0.0.1", mosquitto.port, "sender"))
            session.open()
            session.publish(Outgoing(topic, b"first"))
            session.close()
            collector.publish(topic_filter.replace("+", "x").replace("#", "x"), b"last")
            wait_for(lambda c=collector: b"last" in [m.payload for m in c.messages], what="the last message")
            assert (collector.messages[0].payload == b"first") is expected, (topic_filter, topic)
