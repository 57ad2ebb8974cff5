"""The daemon with a bundle on trial, as a real process against a real mosquitto."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import jsonschema
import msgspec
import pytest

from edge_node.config.sections import example_config
from edge_node.demo.run import CLIP
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.integrations.message_schema import schemas
from edge_node.messages.shadow import Disagreement
from edge_node.messages.status import Health, Status
from edge_node.messages.verdict import Verdict
from edge_node.mqtt.subscriber import Subscriber
from tests.support.processes import command, daemon, wait_for
from tests.support.shadows import make_as_urgent_as_others, shadows_of

BASE = "corrosion/v1/quay/crawler-1"


@pytest.fixture
def doubtful(tmp_path):
    """A bundle that abstains where the default one decides."""
    folder = shutil.copytree(DEFAULT_BUNDLE, tmp_path / "doubtful")
    manifest = json.loads((folder / "bundle.json").read_text())
    manifest["version"] = "doubtful"
    for stage in manifest["cascade"]["stages"]:
        stage["abstain_below"] = 0.97
    (folder / "bundle.json").write_text(json.dumps(manifest))
    return folder


def write_config(folder, port, bundle, **camera):
    """Write a configuration with ``bundle`` on trial; its state lives in ``folder``."""
    path = folder / "node.toml"
    path.write_text(
        example_config(
            node={"site": "quay", "robot": "crawler-1", "state_dir": str(folder / "state")},
            camera={"source": str(CLIP), **camera},
            bundle={"path": "default"},
            shadow={
                "path": str(bundle),
                "share": 1.0,
                "min_interval_s": 0.0,
                "report_interval_s": 0.2,
                "beside": True,  # a machine that runs other tests has no time to spare
            },
            mqtt={"hostname": "127.0.0.1", "port": port},
        ),
        encoding="utf-8",
    )
    return path


class Room:
    """What a control room received."""

    def __init__(self, port, process) -> None:
        self._process = process
        self._subscriber = Subscriber("127.0.0.1", port, (f"{BASE}/#",))
        self.payloads: dict[str, list[bytes]] = {}

    def of(self, leaf, kind):
        """Return what came on one topic so far."""
        for pid in shadows_of(self._process.pid) if self._process.poll() is None else []:
            make_as_urgent_as_others(pid)
        for message in self._subscriber.arrived(0.1):
            self.payloads.setdefault(message.topic.removeprefix(f"{BASE}/"), []).append(message.payload)
        return [msgspec.json.decode(payload, type=kind) for payload in self.payloads.get(leaf, [])]

    def shadow_text(self):
        """Return what the newest status says of the shadow."""
        said = self.of("status", Status)
        return said[-1].shadow.text if said and said[-1].shadow else ""


def is_running(pid):
    """Return whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.runtime
def test_disagreements_arrive_beside_the_record(tmp_path, mosquitto, doubtful):
    """What the shadow says arrives, fits its schema and the verdicts; health counts all."""
    with daemon(write_config(tmp_path, mosquitto.port, doubtful, loop=True)) as process:
        room = Room(mosquitto.port, process)
        wait_for(lambda: len(room.of("shadow", Disagreement)) >= 3, 90, "three disagreements")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    verdicts = {verdict.id: verdict for verdict in room.of("verdict", Verdict)}
    reports = room.of("shadow", Disagreement)
    for report in reports:
        verdict = verdicts[report.verdict]
        assert (report.old.outcome, report.old.stages) == (verdict.outcome, verdict.stages)
        assert report.old_bundle == verdict.bundle
        assert report.new_bundle == load_bundle(doubtful).reference
    for payload in room.payloads["shadow"]:
        jsonschema.validate(json.loads(payload), schemas()["shadow"])
    health = room.of("health", Health)[-1].shadow
    # Those that had arrived when the end was asked for; another may come behind the last health.
    assert health.counts.frames >= health.counts.changed >= 3
    assert sum(health.counts.outcomes.values()) == health.counts.frames
    assert (health.old, health.new) == (reports[0].old_bundle, reports[0].new_bundle)


def test_reload_reads_the_shadow_again_and_says_what_it_refuses(tmp_path, mosquitto, doubtful):
    """SIGHUP with a damaged bundle on trial: both bundles go on as they were, and the status says why."""
    with daemon(write_config(tmp_path, mosquitto.port, doubtful, loop=True)) as process:
        room = Room(mosquitto.port, process)
        wait_for(lambda: room.shadow_text() == "the golden probe holds", 60, "the shadow")
        model = next(doubtful.glob("*.tflite"))
        model.write_bytes(model.read_bytes()[:-1])
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: "refused" in room.shadow_text(), 60, "the refusal")
        assert room.shadow_text().endswith("doubtful goes on")
        verdicts = len(room.of("verdict", Verdict))
        wait_for(lambda: len(room.of("verdict", Verdict)) > verdicts, 10, "verdicts of the bundle in use")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_killed_daemon_leaves_no_shadow_behind(tmp_path, mosquitto):
    """Also when the shadow was just made to wait: nobody would ever let it go on."""
    with daemon(write_config(tmp_path, mosquitto.port, "default", loop=True)) as process:
        wait_for(lambda: shadows_of(process.pid), 30, "the shadow's process")
        (pid,) = shadows_of(process.pid)
        room = Room(mosquitto.port, process)
        wait_for(lambda: room.shadow_text() == "the golden probe holds", 60, "the shadow")
        os.kill(pid, signal.SIGSTOP)
        process.kill()
        process.wait()
        wait_for(lambda: not is_running(pid), 10, "the shadow's end")


def test_a_bundle_that_cannot_be_proved_is_found_before_it_runs(tmp_path):
    """``check-config`` names the section and the file."""
    config = write_config(tmp_path, 1883, tmp_path / "absent")
    found = command("edge_node.cli", "check-config", str(config))
    assert found.returncode == 78
    assert f"[shadow] path = '{tmp_path}/absent'" in found.stderr
