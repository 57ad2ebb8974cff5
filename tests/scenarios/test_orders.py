"""Commands to the real daemon: pause, resume, snapshot, evidence, and what it says of each."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import cv2
import jsonschema
import numpy as np

from edge_node.integrations.message_schema import schemas
from tests.scenarios.test_daemon import write_config
from tests.support.collector import Collector
from tests.support.processes import daemon, wait_for

if TYPE_CHECKING:
    from pathlib import Path

BASE = "corrosion/v1/quay/crawler-1"


def test_the_control_room_pauses_looks_and_resumes(mosquitto, tmp_path: Path) -> None:
    """Pause is seen in the status, a snapshot is sent whole on request, and every message fits its schema."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    noise = np.random.default_rng(3)
    for index in range(10):
        coarse = noise.integers(60, 200, (24, 32, 3), dtype=np.uint8)
        cv2.imwrite(str(pictures / f"{index}.jpg"), cv2.resize(coarse, (320, 240)))
    config = write_config(tmp_path, pictures, mosquitto.port, fps=20.0, loop=True)
    with Collector(mosquitto.port) as room, daemon(config):

        def ask(verb: str, **arguments) -> dict:
            now, wanted = datetime.now(timezone.utc), uuid.uuid4().hex
            command = {
                "schema": "corrosion/v1",
                "id": wanted,
                "issued_at": now.isoformat(),
                "expires_at": (now + timedelta(minutes=1)).isoformat(),
                **arguments,
            }
            room.publish(f"{BASE}/cmd/{verb}", json.dumps(command).encode())
            wait_for(lambda: answers(wanted), what=f"response to {verb}")
            return answers(wanted)[0]  # a second one may follow at once: reload is accepted, then done

        def answers(wanted: str) -> list[dict]:
            said = [json.loads(message.payload) for message in room.of(f"{BASE}/rsp")]
            return [response for response in said if response["command_id"] == wanted]

        def verdicts() -> int:
            return len(room.of(f"{BASE}/verdict"))

        def last_status() -> dict:
            return json.loads(room.of(f"{BASE}/status")[-1].payload)

        wait_for(lambda: verdicts() > 3, timeout_s=60, what="verdicts")
        assert ask("pause")["result"] == "done"
        wait_for(lambda: last_status()["model"]["state"] == "paused", what="status")
        time.sleep(0.3)  # what was on its way
        count = verdicts()
        time.sleep(1.0)
        assert verdicts() == count
        assert ask("resume")["result"] == "done"
        wait_for(lambda: verdicts() > count + 3, what="verdicts again")
        before, after = (json.loads(room.of(f"{BASE}/verdict")[at].payload) for at in (count - 1, count))
        # A second of a recording at 20 frames/s: it waited, but for what was read when the pause came.
        assert after["frame_id"] - before["frame_id"] < 15
        wait_for(lambda: last_status()["model"]["state"] == "ok", what="status")
        snapshot = ask("snapshot")
        assert snapshot["result"] == "done"
        sha256 = snapshot["data"]["sha256"]
        wait_for(
            lambda: any(
                json.loads(m.payload)["evidence_sha256"] == sha256 for m in room.of(f"{BASE}/verdict")
            ),
            what="the verdict that names the picture",
        )
        assert ask("evidence", sha256=sha256)["result"] == "accepted"
        topic = f"{BASE}/evidence/{sha256}"
        wait_for(
            lambda: any(hashlib.sha256(m.payload).hexdigest() == sha256 for m in room.of(topic)),
            what="the full picture",
        )
        assert ask("evidence", sha256="0" * 64)["code"] == "not_kept"
        reloading = ask("reload")
        assert reloading["result"] == "accepted"
        wait_for(lambda: len(answers(reloading["command_id"])) > 1, what="the reload's end")
        assert answers(reloading["command_id"])[1]["result"] == "done"
        assert ask("pause", duration_s=1)["result"] == "done"
        count = verdicts()
        wait_for(lambda: verdicts() > count + 10, what="the pause's end")
        wait_for(lambda: room.of(f"{BASE}/health"), timeout_s=20, what="health")
    names = {
        "verdict": "verdict",
        "latest": "verdict",
        "status": "status",
        "health": "health",
        "rsp": "response",
    }
    for leaf, name in names.items():
        schema = jsonschema.Draft202012Validator(schemas()[name])
        assert room.of(f"{BASE}/{leaf}"), f"nothing came on {leaf}"
        for message in room.of(f"{BASE}/{leaf}"):
            schema.validate(json.loads(message.payload))
