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
        wait_for(lambda: {seq for seq, _, _ in read(out)} == set(range(1, COUNT + 1)), 60, "every verdict")
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
