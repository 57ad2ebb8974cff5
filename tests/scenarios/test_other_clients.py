"""Readers that are not ours: mqtt.js and CloudEvents' library across a kill, mosquitto_sub in one line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.processes import wait_for

REPOSITORY = Path(__file__).resolve().parents[2]
NODE = REPOSITORY / ".node"
COUNT = 1000

PRODUCER = """
import sys, time
from pathlib import Path
from edge_node.config.sections import MqttConfig, SpoolConfig
from edge_node.delivery.publisher import Publisher
from edge_node.messages.topics import Kind
from edge_node.mqtt.wake import Wake
from edge_node.spool.spool import Spool
from edge_node.messages.topics import Topics
port, path, count = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
spool = Spool.open(path, SpoolConfig())
config = MqttConfig(hostname="127.0.0.1", port=port, require_subscriber=True)
publisher = Publisher(config, Topics("site", "robot"), spool, Wake())
if sys.argv[4] == "at once":
    publisher.start()
epoch = spool.epoch.encode()
for _ in range(count - (spool.chain.before.seq if spool.chain.before else 0)):
    spool.append(Kind.VERDICT, lambda seq: b'{"id": "robot:%s:%d", "seq": %d}' % (epoch, seq, seq))
    time.sleep(0.002)
if sys.argv[4] == "at last":
    publisher.start()
sys.exit(0 if publisher.drain(60) else 1)
"""

READER = """
const mqtt = require('mqtt');
const {MQTT} = require('cloudevents');
const ids = [];
let events = 0;
const client = mqtt.connect('mqtt://127.0.0.1:' + process.argv[1],
    {protocolVersion: 5, clean: false, clientId: 'reader', properties: {sessionExpiryInterval: 3600}});
client.on('connect', () => client.subscribe('corrosion/v1/+/+/verdict', {qos: 1},
    () => console.error('subscribed')));
client.on('message', (topic, payload, packet) => {
  const data = JSON.parse(payload);
  ids.push(data.id);
  const event = MQTT.toEvent({PUBLISH: {'Content Type': packet.properties.contentType},
    body: data, headers: {...packet.properties.userProperties}}, true);
  if (event.validate() && event.id.endsWith(':' + data.seq)
      && event.type === 'corrosion.verdict.v1') events++;
  if (new Set(ids).size === Number(process.argv[2])) {
    console.log(JSON.stringify({ids, events}));
    client.end(true, () => process.exit(0));
  }
});
"""


@pytest.fixture
def node() -> str:
    """Node with the packages that a test wants."""
    if not (shutil.which("node") and (NODE / "node_modules" / "cloudevents").is_dir()):
        pytest.skip("needs node and: npm install --prefix .node @asyncapi/parser mqtt cloudevents")
    return "node"


def produce(port: int, spool: Path, count: int, connect: str = "at once") -> subprocess.Popen[bytes]:
    """Start a process that appends verdicts until their number is ``count``, and delivers them.

    It connects "at once", so that verdicts which waited for the link follow new ones, or "at last".
    """
    return subprocess.Popen([sys.executable, "-c", PRODUCER, str(port), str(spool), str(count), connect])


def test_mqtt_js_reads_every_verdict_across_a_kill_as_a_cloud_event(mosquitto, tmp_path: Path, node) -> None:
    """1000 of 1000 with the producer killed in the middle, each one a CloudEvent with its id."""
    with subprocess.Popen(
        [node, "-e", READER, str(mosquitto.port), str(COUNT)],
        cwd=NODE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as reader:
        assert reader.stderr.readline() == b"subscribed\n"
        producer = produce(mosquitto.port, tmp_path / "spool.sqlite", COUNT)
        time.sleep(1.5)
        assert producer.poll() is None, "it ended before it could be killed"
        producer.kill()
        producer.wait()
        again = produce(mosquitto.port, tmp_path / "spool.sqlite", COUNT)
        assert again.wait(120) == 0
        out, _ = reader.communicate(timeout=60)
    received = json.loads(out)
    by_epoch: dict[str, set[int]] = {}
    for epoch, seq in {tuple(one.split(":")[1:]) for one in received["ids"]}:
        by_epoch.setdefault(epoch, set()).add(int(seq))
    assert len(by_epoch) == 2
    assert all(seqs == set(range(1, len(seqs) + 1)) for seqs in by_epoch.values())
    assert sum(map(len, by_epoch.values())) == COUNT
    assert len(received["ids"]) <= COUNT + 20
    assert received["events"] == len(received["ids"])


def test_mosquitto_sub_in_one_line_shows_verdicts(mosquitto, tmp_path: Path) -> None:
    """The one-liner of the README, with properties."""
    if not shutil.which("mosquitto_sub"):
        pytest.skip("mosquitto_sub is not installed (Debian package mosquitto-clients)")
    line = f"mosquitto_sub -p {mosquitto.port} -V 5 -q 1 -t corrosion/v1/+/+/verdict -C 5 -F %t|%P|%p"
    with subprocess.Popen(line.split(), stdout=subprocess.PIPE, text=True) as reader:
        producer = produce(mosquitto.port, tmp_path / "spool.sqlite", 5, connect="at last")
        wait_for(lambda: reader.poll() is not None, timeout_s=30, what="five verdicts")
        lines = reader.stdout.read().splitlines()
        producer.wait(30)
    assert [json.loads(text.split("|")[2])["seq"] for text in lines] == [1, 2, 3, 4, 5]
    assert all("type:corrosion.verdict.v1" in text for text in lines)
