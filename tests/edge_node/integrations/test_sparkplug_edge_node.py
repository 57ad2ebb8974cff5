"""The Sparkplug view over a real mosquitto, heard by mqtt.js with the decoder of Sparkplug's own project."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import MqttConfig, SpoolConfig
from edge_node.config.sections import example_config
from edge_node.delivery.publisher import Publisher
from edge_node.integrations.sparkplug_edge_node import SparkplugNode
from edge_node.messages.status import Part, PartState, Status
from edge_node.messages.topics import Kind, Topics
from edge_node.messages.verdict import encode
from edge_node.mqtt.wake import Wake
from edge_node.spool.spool import Spool
from tests.support.collector import Collector
from tests.support.processes import daemon, wait_for
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

NODE = Path(__file__).resolve().parents[3] / ".node"
TOPICS = Topics("quay", "crawler-1")
HOST = """
const mqtt = require('mqtt');
const sparkplug = require('sparkplug-payload').get('spBv1.0');
const client = mqtt.connect('mqtt://127.0.0.1:' + process.argv[1], {protocolVersion: 5});
client.on('connect', () => client.subscribe('spBv1.0/#', {qos: 1}, () => console.log('"subscribed"')));
client.on('message', (topic, payload, packet) => {
  const decoded = sparkplug.decodePayload(payload);
  const metrics = {};
  const plain = m => m.value == null ? null : m.type === 'Int64' ? Number(m.value) : m.value;
  for (const m of decoded.metrics) metrics[m.name] = {value: plain(m),
      type: m.type, at: Number(m.timestamp), historical: m.isHistorical === true, isNull: m.isNull === true};
  const seq = decoded.seq === undefined || decoded.seq === null ? null : Number(decoded.seq);
  console.log(JSON.stringify({topic, qos: packet.qos, retain: packet.retain, seq, metrics}));
});
process.stdin.on('data', () => client.publish('spBv1.0/quay/NCMD/crawler-1',
    sparkplug.encodePayload({timestamp: Date.now(),
      metrics: [{name: 'Node Control/Rebirth', type: 'Boolean', value: true}]})));
"""


class Host:
    """A Sparkplug host application that writes down what it hears."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.heard: list[dict] = []
        self._process = process
        assert json.loads(process.stdout.readline()) == "subscribed"
        threading.Thread(target=self._listen, daemon=True).start()

    def of(self, message_type: str) -> list[dict]:
        """What came of this type."""
        return [message for message in list(self.heard) if f"/{message_type}/" in message["topic"]]

    def ask_for_rebirth(self) -> None:
        """Send the command."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def _listen(self) -> None:
        for line in self._process.stdout:
            self.heard.append(json.loads(line))


@pytest.fixture
def host(mosquitto) -> Iterator[Host]:
    """A host on the broker."""
    if not (shutil.which("node") and (NODE / "node_modules" / "sparkplug-payload").is_dir()):
        pytest.skip("needs node and: npm install --prefix .node mqtt sparkplug-payload")
    with subprocess.Popen(
        ["node", "-e", HOST, str(mosquitto.port)],
        cwd=NODE,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield Host(process)
        process.kill()


def value(message: dict, name: str) -> object:
    """What a message says of a metric."""
    return message["metrics"][name]["value"]


def test_births_data_history_rebirth_and_death(mosquitto, host: Host, tmp_path: Path) -> None:
    """What waited is historical and old, what is new is not; numbers count; a rebirth says all anew."""
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    for _ in range(3):
        spool.append(Kind.VERDICT, lambda seq: encode(verdict(seq, "C", severity="late")))
    assert spool.flush(5)
    config = MqttConfig(hostname="127.0.0.1", port=mosquitto.port, sparkplug=True)
    view = SparkplugNode(config, TOPICS, tmp_path)
    publisher = Publisher(config, TOPICS, spool, Wake(), listeners=[view])
    publisher.set_status(
        Status(
            site="quay", robot="crawler-1", since=datetime.now(timezone.utc), camera=Part(state=PartState.OK)
        )
    )
    view.start()
    wait_for(lambda: host.of("NBIRTH"), what="the birth")
    publisher.start()
    wait_for(lambda: len(host.of("NDATA")) >= 3, what="the backlog")
    spool.append(Kind.VERDICT, lambda seq: encode(verdict(seq, "U")))
    wait_for(lambda: len(host.of("NDATA")) >= 4, what="the live verdict")
    host.ask_for_rebirth()
    wait_for(lambda: len(host.of("NBIRTH")) == 2, what="the rebirth")
    publisher.stop()
    view.stop()
    wait_for(lambda: host.of("NDEATH"), what="the death")
    spool.close()
    heard = host.heard
    assert {message["topic"].split("/")[0] for message in heard} == {"spBv1.0"}
    first, again, death = host.of("NBIRTH")[0], host.of("NBIRTH")[1], host.of("NDEATH")[0]
    data = host.of("NDATA")
    assert heard[0] == first
    assert [message["seq"] for message in heard if message["topic"] == data[0]["topic"]] == [1, 2, 3, 4]
    assert first["seq"] == again["seq"] == 0
    assert death["seq"] is None
    assert value(first, "bdSeq") == value(again, "bdSeq") == value(death, "bdSeq") == 0
    assert set(death["metrics"]) == {"bdSeq"}
    assert {(message["qos"], message["retain"]) for message in [*data, first]} == {(0, False)}
    assert value(first, "Verdict/Outcome") is None
    assert value(first, "Node/Camera") == "ok"
    assert [value(message, "Verdict/Sequence") for message in data] == [1, 2, 3, 4]
    assert [message["metrics"]["Verdict/Id"]["historical"] for message in data] == [True] * 3 + [False]
    observed_ms = [message["metrics"]["Verdict/Outcome"]["at"] for message in data]
    assert observed_ms == [int(verdict(n, "U").observed_at.timestamp() * 1000) for n in (1, 2, 3, 4)]
    assert set(data[0]["metrics"]) < set(first["metrics"])
    assert value(again, "Verdict/Outcome") == "uncorroded"
    assert value(again, "Verdict/Severity") is None
    assert value(again, "View/Left Out") == 0


@pytest.mark.slow
def test_the_broker_says_that_a_killed_node_is_dead(mosquitto, host: Host, tmp_path: Path) -> None:
    """SIGKILL of the real daemon: the will carries the number of the last birth, the next birth another."""
    config = tmp_path / "node.toml"
    source = Path(__file__).resolve().parents[3] / "edge_node" / "demo" / "inspection.mp4"
    config.write_text(
        example_config(
            node={"site": "quay", "robot": "crawler-1", "state_dir": str(tmp_path / "state")},
            camera={"source": str(source), "loop": True},
            bundle={"path": "default"},
            mqtt={"hostname": "127.0.0.1", "port": mosquitto.port, "sparkplug": True},
        ),
        encoding="utf-8",
    )
    record = Collector(mosquitto.port, TOPICS.verdict)
    with daemon(config):
        wait_for(lambda: len(host.of("NDATA")) > 5, timeout_s=60, what="verdicts")
    wait_for(lambda: host.of("NDEATH"), what="the will")
    assert value(host.of("NDEATH")[0], "bdSeq") == value(host.of("NBIRTH")[0], "bdSeq") == 0
    live = [m for m in host.of("NDATA") if "Verdict/Id" in m["metrics"]]
    recorded = {json.loads(message.payload)["id"] for message in record.messages}
    assert {value(message, "Verdict/Id") for message in live} <= recorded
    with daemon(config) as process:
        wait_for(lambda: len(host.of("NBIRTH")) > 1, timeout_s=60, what="the second birth")
        process.terminate()
        assert process.wait(20) == 0
    wait_for(lambda: len(host.of("NDEATH")) > 1, what="the death")
    assert value(host.of("NDEATH")[1], "bdSeq") == value(host.of("NBIRTH")[1], "bdSeq") == 1
    record.__exit__()


def test_a_view_that_is_too_slow_drops_the_oldest_and_says_so(mosquitto, host: Host, tmp_path: Path) -> None:
    """What waits is bounded: the record never waits for the view."""
    spool = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    for _ in range(1200):
        spool.append(Kind.VERDICT, lambda seq: encode(verdict(seq, "U")))
    assert spool.flush(10)
    view = SparkplugNode(MqttConfig(hostname="127.0.0.1", port=mosquitto.port), TOPICS, tmp_path)
    for row in spool.rows(Kind.VERDICT, limit=1200):
        view.delivered(row, replayed=False)  # before it is connected
    view.start()
    wait_for(lambda: len(host.of("NDATA")) == 1000, what="what was kept")
    view.stop()
    spool.close()
    assert value(host.of("NBIRTH")[0], "View/Left Out") == 200
    data = host.of("NDATA")
    assert [value(message, "Verdict/Sequence") for message in data] == list(range(201, 1201))
    assert [message["seq"] for message in data] == [n % 256 for n in range(1, 1001)]
    assert all(message["metrics"]["Verdict/Id"]["historical"] for message in data)
