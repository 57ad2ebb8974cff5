"""The Node-RED flow in the real Node-RED: what it reads across a kill, what it counts."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from edge_node.integrations.node_red import flow
from tests.scenarios.test_other_clients import COUNT, NODE, produce
from tests.support.processes import free_port, wait_for

if TYPE_CHECKING:
    from pathlib import Path

RED = NODE / "node_modules" / "node-red" / "red.js"


def test_every_wire_of_the_flow_leads_to_a_node() -> None:
    """A wire to nowhere is dropped by Node-RED without a word."""
    nodes = {node["id"]: node for node in flow()}
    assert len(nodes) == len(flow())
    for node in nodes.values():
        for target in [target for wires in node.get("wires", []) for target in wires]:
            assert nodes[target]["z"] == node["z"]
    assert flow("broker", 1234)[1]["port"] == "1234"


RUN = """
const stored = {};
const context = {get: (name) => stored[name], set: (name, value) => { stored[name] = value; }};
const node = {status: () => {}};
const count = new Function('msg', 'context', 'node', process.argv[1]);
for (const payload of JSON.parse(process.argv[2])) {
  const [fresh, again] = count({payload}, context, node);
  console.log((fresh || again).missing, !fresh, (fresh || again).conflict ? 'conflict' : 'same');
}
"""


def test_the_count_follows_a_robot_over_its_starts() -> None:
    """What is missing at the end of an epoch shows when the next one names it, and goes when it comes."""
    if not shutil.which("node"):
        pytest.skip("needs node")
    steps: list[tuple[str, dict | None, str]] = [
        ("r:a:5", None, "0 false same"),
        ("r:a:7", None, "1 false same"),
        ("r:b:1", {"epoch": "a", "seq": 9, "sha256": None}, "3 false same"),
        ("other:a:1", None, "0 false same"),
        ("r:a:9", None, "2 false same"),
        ("r:b:1", {"epoch": "a", "seq": 9, "sha256": None}, "2 true same"),
        ("r:a:6", None, "1 false same"),
        ("r:a:8", None, "0 false same"),
        ("r:b:1", None, "0 true conflict"),
    ]
    payloads = [
        {"id": one, "seq": int(one.split(":")[2]), "previous_epoch": before} for one, before, _ in steps
    ]
    func = next(node["func"] for node in flow() if node["type"] == "function")
    ran = subprocess.run(
        ["node", "-e", RUN, func, json.dumps(payloads)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines() == [wanted for _, _, wanted in steps]


@pytest.mark.slow
def test_node_red_reads_every_verdict_across_a_kill(mosquitto, tmp_path: Path) -> None:
    """1000 of 1000 with the producer killed in the middle; the flow's own count says 0 missing."""
    if not (shutil.which("node") and RED.is_file()):
        pytest.skip("needs node and: npm install --prefix .node node-red@4")
    nodes = flow(port=mosquitto.port)
    out = tmp_path / "received"
    # Beside the debug nodes, what comes out of the counting node is written to a file.
    count = next(node for node in nodes if node["type"] == "function")
    fields = "JSON.stringify([msg.payload.seq, msg.missing, !!msg.duplicate])"
    lines = {"id": "test-lines", "type": "function", "z": count["z"], "wires": [["test-file"]], "outputs": 1}
    lines |= {"func": f"return {{payload: {fields}}};"}
    file = {"id": "test-file", "type": "file", "z": count["z"], "wires": [], "filename": str(out)}
    file |= {"filenameType": "str", "appendNewline": True, "overwriteFile": "false"}
    for wires in count["wires"]:
        wires.append("test-lines")
    (tmp_path / "flows.json").write_text(json.dumps([*nodes, lines, file]))
    options = ["--port", str(free_port()), "--userDir", str(tmp_path), str(tmp_path / "flows.json")]
    with (tmp_path / "log").open("wb") as log:
        red = subprocess.Popen(["node", str(RED), *options], stdout=log, stderr=log)
    try:
        wait_for(
            lambda: b"Connected to broker" in (tmp_path / "log").read_bytes(), 90, "Node-RED's connection"
        )
        producer = produce(mosquitto.port, tmp_path / "spool.sqlite", COUNT)
        time.sleep(1.5)
        producer.kill()
        producer.wait()
        assert produce(mosquitto.port, tmp_path / "spool.sqlite", COUNT).wait(120) == 0
        wait_for(lambda: sum(not again for _, _, again in read(out)) == COUNT, 60, "every verdict")
    finally:
        red.kill()
        red.wait()
    received = read(out)
    assert received[-1][1] == 0
    duplicates = sum(duplicate for _, _, duplicate in received)
    assert duplicates == len(received) - COUNT <= 20


def read(out: Path) -> list[list]:
    """What the flow has counted so far."""
    return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
