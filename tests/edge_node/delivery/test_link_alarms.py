"""Alarms of the link: another node of the same name is told."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from edge_node.config.delivery_sections import MqttConfig, SpoolConfig
from edge_node.delivery.publisher import Publisher
from edge_node.mqtt.wake import Wake
from edge_node.spool.spool import Spool
from tests.support.collector import Collector
from tests.support.processes import wait_for
from tests.support.proxy import Proxy
from tests.support.publishing import TOPICS, alarms, append, seqs

if TYPE_CHECKING:
    from pathlib import Path


def test_two_nodes_with_one_name_are_told(spool, publish) -> None:
    """They throw each other out for ever; the alarm says why, if the broker does (mosquitto 2.0 not)."""
    with socket.create_server(("127.0.0.1", 0)) as broker:
        publisher = publish(broker.getsockname()[1])
        connection, _ = broker.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(bytes.fromhex("2003000000e0018e"))  # CONNACK; session taken over
            wait_for(lambda: "taken_over" in alarms(publisher), what="alarm")


def test_two_nodes_with_one_name_do_not_throw_each_other_out_all_the_time(mosquitto, tmp_path: Path) -> None:
    """Mosquitto does not say who took over: after a few short connections both wait and say so."""
    with Proxy(mosquitto.port) as proxy, Collector(mosquitto.port, TOPICS.verdict) as collector:
        twins = []
        for name in ("one", "two"):
            own = Spool.open(tmp_path / name / "spool.sqlite", SpoolConfig())
            append(own, 5)
            twin = Publisher(MqttConfig(hostname="127.0.0.1", port=proxy.port), TOPICS, own, Wake())
            twin.start()
            twins.append((own, twin))
        wait_for(lambda: any(alarms(twin) & {"unstable", "taken_over"} for _, twin in twins), 60, "alarm")
        wait_for(lambda: all(own.depth().waiting == 0 for own, _ in twins), 30, "what both have")
        # Each of them; a link that ends may repeat it.
        wait_for(lambda: seqs(collector).count(5) >= 2, what="delivery")
        before = proxy.connections
        time.sleep(4.0)
        assert proxy.connections - before <= 4
        for own, twin in twins:
            twin.stop()
            own.close()
