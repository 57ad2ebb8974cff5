"""The status at the broker: online, and offline after a stop or a lost link."""

from __future__ import annotations

import json

from tests.support.collector import Collector
from tests.support.processes import wait_for
from tests.support.proxy import Proxy
from tests.support.publishing import TOPICS, status


def test_status_is_retained_online_and_offline_after_a_clean_stop(mosquitto, spool, publish) -> None:
    """Who subscribes later knows whether the robot is there, and why not."""
    publisher = publish(mosquitto.port)
    publisher.set_status(status())
    with Collector(mosquitto.port, TOPICS.status) as collector:
        wait_for(lambda: collector.messages, what="status")
        document = json.loads(collector.messages[-1].payload)
        assert (document["presence"], document["camera"]["state"]) == ("online", "ok")
        publisher.stop()
        wait_for(lambda: b'"offline"' in collector.messages[-1].payload, what="offline")
        assert json.loads(collector.messages[-1].payload)["offline_reason"] == "stopped"
    with Collector(mosquitto.port, TOPICS.status, "late") as late:
        wait_for(lambda: late.messages, what="the retained status")
        assert late.messages[0].retain


def test_the_broker_says_offline_when_the_link_is_lost(mosquitto, spool, publish) -> None:
    """The will: without us saying anything, subscribers learn that the robot is gone."""
    with Proxy(mosquitto.port) as proxy, Collector(mosquitto.port, TOPICS.status) as collector:
        publisher = publish(proxy.port, will_delay_s=0)
        publisher.set_status(status())
        wait_for(lambda: any(b'"online"' in m.payload for m in collector.messages), what="online")
        proxy.accept = False
        proxy.cut()
        wait_for(lambda: b'"link_lost"' in collector.messages[-1].payload, what="the will")
        proxy.accept = True
        wait_for(lambda: b'"online"' in collector.messages[-1].payload, timeout_s=20, what="online again")
