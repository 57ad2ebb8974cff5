"""Runs Home Assistant itself against a real daemon and mosquitto, and reads its states through its own API.

    python3.13 -m venv ha && ha/bin/pip install homeassistant==2026.2.3
    python -m tests.endurance.home_assistant --hass ha/bin/hass

From 2024.12 on it reads the device form (--form device), older ones the component form. With --upgrade the
broker first has what version 0.5.0 announced. Exits 1 unless every entity is there with a state that the
robot said, those of 0.5.0 under the names that they had, the picture is one, each button is answered, the log
has no complaint of MQTT, and the link is off after the daemon was killed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

from edge_node.config.delivery_sections import MqttConfig
from edge_node.config.sections import example_config
from edge_node.integrations.home_assistant_discovery import announcements
from edge_node.messages.topics import Topics
from tests.support.collector import Collector
from tests.support.processes import Mosquitto, free_port

ENTITIES = {
    "sensor.crawler_1_outcome": {"corroded", "uncorroded", "uncertain", "not_inspectable"},
    "sensor.crawler_1_material": {"steel", "aluminium", "none"},
    "sensor.crawler_1_severity": {"none", "mid", "late"},
    "sensor.crawler_1_area": None,  # a number, or unknown where nothing was judged
    "sensor.crawler_1_finding": {"opened", "closed"},
    "sensor.crawler_1_camera": {"ok", "starting"},
    "binary_sensor.crawler_1_link": {"on"},
}
# As version 0.5.0 named them above; new ones have the site.
NEW_ENTITIES = {
    "binary_sensor.quay_crawler_1_corrosion": {"on", "off"},
    "sensor.quay_crawler_1_temperature": None,
    "image.quay_crawler_1_picture": None,  # the time of the picture
    "button.quay_crawler_1_pause": None,
    "button.quay_crawler_1_resume": None,
    "button.quay_crawler_1_snapshot": None,
}
FRESH_ENTITIES = {name.replace(".", ".quay_", 1): states for name, states in ENTITIES.items()} | NEW_ENTITIES
CONFIGURATION = """
homeassistant:
  name: endurance
  unit_system: metric
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
config:
"""
CLIP = Path(__file__).resolve().parents[2] / "edge_node" / "demo" / "inspection.mp4"
_USER = {"username": "operator", "password": "only-for-this-run"}


class HomeAssistant:
    """A running Home Assistant with nothing but its API and MQTT."""

    def __init__(self, program: Path, folder: Path) -> None:
        """Start it, create a user and log in."""
        self._address = f"http://127.0.0.1:{free_port()}"
        self._token = ""
        folder.mkdir()
        port = self._address.rsplit(":", 1)[1]
        (folder / "configuration.yaml").write_text(CONFIGURATION.format(port=port), encoding="utf-8")
        user = ["--script", "auth", "-c", str(folder), "add", _USER["username"], _USER["password"]]
        subprocess.run([str(program), *user], check=True, capture_output=True)
        with (folder / "out.log").open("wb") as log:
            self._process = subprocess.Popen([str(program), "-c", str(folder)], stdout=log, stderr=log)
        self._log_in()

    def connect_mqtt(self, port: int) -> None:
        """Add the MQTT integration as a person would, form by form."""
        flow = self.ask("/api/config/config_entries/flow", {"handler": "mqtt"})
        answer = self.ask(
            f"/api/config/config_entries/flow/{flow['flow_id']}", {"broker": "127.0.0.1", "port": port}
        )
        if answer["type"] != "create_entry":
            raise SystemExit(f"Home Assistant does not take the broker: {answer}")

    def states(self) -> dict[str, dict[str, Any]]:
        """Return what it shows, by entity."""
        return {state["entity_id"]: state for state in self.ask("/api/states")}

    def ask(self, path: str, body: object = None, *, form: bool = False) -> Any:
        """Return the answer of its API."""
        data = None
        if body is not None:
            data = urllib.parse.urlencode(body).encode() if form else json.dumps(body).encode()  # type: ignore[arg-type]
        request = urllib.request.Request(self._address + path, data)  # noqa: S310  our own loopback address
        if not form:
            request.add_header("Content-Type", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  the same
            return json.load(answer)

    def press(self, button: str) -> None:
        """Press a button as a person would."""
        self.ask("/api/services/button/press", {"entity_id": button})

    def picture(self, entity: str) -> bytes:
        """Return what an image entity shows."""
        request = urllib.request.Request(f"{self._address}/api/image_proxy/{entity}")  # noqa: S310  the same
        request.add_header("Authorization", f"Bearer {self._token}")
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  the same
            return answer.read()

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _log_in(self, timeout_s: float = 300.0) -> None:
        client = f"{self._address}/"
        begin = {"client_id": client, "handler": ["homeassistant", None], "redirect_uri": client}
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                flow = self.ask("/auth/login_flow", begin)
                break
            except (urllib.error.URLError, ConnectionError) as err:
                if time.monotonic() > deadline_s or self._process.poll() is not None:
                    raise SystemExit(f"Home Assistant does not start: {err}") from err
                time.sleep(1.0)
        code = self.ask(f"/auth/login_flow/{flow['flow_id']}", {"client_id": client, **_USER})["result"]
        grant = {"grant_type": "authorization_code", "code": code, "client_id": client}
        self._token = self.ask("/auth/token", grant, form=True)["access_token"]


def main() -> int:
    """Run, print what it shows, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hass", type=Path, required=True, help="the program of Home Assistant's venv")
    parser.add_argument("--form", choices=("device", "component"), default="device")
    parser.add_argument("--upgrade", action="store_true", help="from what version 0.5.0 announced")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hass-") as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        assistant = HomeAssistant(args.hass.absolute(), folder / "hass")
        try:
            assistant.connect_mqtt(broker.port)
            if args.upgrade:
                _announce_as_before(assistant, broker.port, args.form)
            return _watch(assistant, folder, broker.port, args.form, is_upgrade=args.upgrade)
        finally:
            assistant.stop()
            broker.kill()


def _announce_as_before(assistant: HomeAssistant, port: int, form: str) -> None:
    """Retain the announcements of version 0.5.0 and wait until they are shown."""
    config = MqttConfig(hostname="127.0.0.1", port=port, home_assistant="device")
    (message,) = announcements(Topics("quay", "crawler-1"), config)
    document = json.loads(message.payload)
    old = {name.split("crawler_1_")[1] for name in ENTITIES}
    parts = {name: part for name, part in document["components"].items() if name in old}
    for name, part in parts.items():
        del part["default_entity_id"]
        part["object_id"] = f"crawler-1_{name}"
    told = {"homeassistant/device/crawler-1/config": {**document, "components": parts}}
    if form == "component":
        about = {"device": document["device"], "origin": document["origin"]}
        told = {
            f"homeassistant/{part['platform']}/crawler-1/{name}/config": {**part, **about}
            for name, part in parts.items()
        }
    with Collector(port, "homeassistant/#", "old robot") as robot:
        for topic, content in told.items():
            robot.publish(topic, json.dumps(content).encode(), retain=True)
    missing = _wait(assistant, lambda states: sorted(set(ENTITIES) - set(states)), 60)
    print(f"what version 0.5.0 announced   {missing or 'is shown'}")


def _watch(assistant: HomeAssistant, folder: Path, port: int, form: str, *, is_upgrade: bool) -> int:
    wanted = {**ENTITIES, **NEW_ENTITIES} if is_upgrade else FRESH_ENTITIES
    config = folder / "node.toml"
    config.write_text(
        example_config(
            node={"site": "quay", "robot": "crawler-1", "state_dir": str(folder / "state")},
            camera={"source": str(CLIP), "loop": True},
            bundle={"path": "default"},
            mqtt={"hostname": "127.0.0.1", "port": port, "home_assistant": form, "will_delay_s": 0},
        ),
        encoding="utf-8",
    )
    with (folder / "node.log").open("wb") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "edge_node.cli", "run", "--config", str(config)], stderr=log
        )
    missing = _wait(assistant, partial(_wrong, wanted), 120)
    missing += _use(assistant, port)
    for entity, state in sorted(assistant.states().items()):
        if "crawler_1" in entity:
            unit = state["attributes"].get("unit_of_measurement", "")
            print(f"{entity:<30} {state['state']} {unit}")
    log = (folder / "hass" / "out.log").read_text(encoding="utf-8", errors="replace")
    about_us = [line for line in log.splitlines() if "components.mqtt" in line and "crawler" in line]
    # Of what version 0.5.0 said, and of clearing what was taken over from it.
    expected = ("deprecated option `object_id`", "No device components to cleanup") if is_upgrade else ()
    missing += [
        line
        for line in about_us
        if ("WARNING" in line or "ERROR" in line) and not any(text in line for text in expected)
    ]
    daemon.kill()
    daemon.wait()
    still_on = _wait(assistant, partial(_not_off, wanted), 30)
    print("after SIGKILL of the daemon    " + ("the link is off" if not still_on else f"{still_on}"))
    for problem in (*missing, *still_on):
        print(f"wrong: {problem}", file=sys.stderr)
    return 1 if missing or still_on else 0


def _use(assistant: HomeAssistant, port: int) -> list[str]:
    """Press each button and look at the picture; return what is wrong."""
    problems = []
    with Collector(port, "corrosion/v1/quay/crawler-1/rsp", "answers") as answers:
        for verb in ("pause", "resume", "snapshot"):
            assistant.press(f"button.quay_crawler_1_{verb}")
            deadline_s = time.monotonic() + 20
            while time.monotonic() < deadline_s and not _done(answers, verb):
                time.sleep(0.1)
            print(f"button {verb:<24}{_done(answers, verb) or 'no answer'}")
            problems += [] if _done(answers, verb) else [f"{verb} is not answered"]
    picture = assistant.picture("image.quay_crawler_1_picture")
    print(f"picture                        {len(picture)} bytes")
    return problems + ([] if picture.startswith(b"\xff\xd8\xff") else ["the picture is no JPEG"])


def _done(answers: Collector, verb: str) -> str:
    found = [json.loads(message.payload) for message in list(answers.messages)]
    return next((one["result"] for one in found if one["verb"] == verb and one["result"] == "done"), "")


def _wrong(entities: dict[str, set[str] | None], states: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"{entity} is {states.get(entity, {}).get('state')}"
        for entity, wanted in entities.items()
        if entity not in states
        or states[entity]["state"] == "unavailable"
        or (wanted is not None and states[entity]["state"] not in wanted)
    ]


def _not_off(entities: dict[str, set[str] | None], states: dict[str, dict[str, Any]]) -> list[str]:
    wanted = {name: "off" if name.endswith("_link") else "unavailable" for name in entities}
    return [
        f"{entity} is {states.get(entity, {}).get('state')}"
        for entity in wanted
        if states.get(entity, {}).get("state") != wanted[entity]
    ]


def _wait(assistant: HomeAssistant, problems: Any, timeout_s: float) -> list[str]:
    """Return what is still wrong when the time is over; nothing as soon as all is well."""
    deadline_s = time.monotonic() + timeout_s
    while (found := problems(assistant.states())) and time.monotonic() < deadline_s:
        time.sleep(0.5)
    return found


if __name__ == "__main__":
    sys.exit(main())
