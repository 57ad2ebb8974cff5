"""Runs Home Assistant itself against a real daemon and mosquitto, and reads its states through its own API.

    python3.13 -m venv ha && ha/bin/pip install homeassistant==2025.1.4
    python -m tests.endurance.home_assistant --hass ha/bin/hass

From 2024.12 on it reads the device form (--form device), older ones the component form. Exits 1 unless every
entity is there with a state that the robot said, and the link is off after the daemon was killed.
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
from pathlib import Path
from typing import Any

from edge_node.config.sections import example_config
from tests.support.processes import Mosquitto, free_port

ENTITIES = {
    "sensor.crawler_1_outcome": {"corroded", "uncorroded", "uncertain", "not_inspectable"},
    "sensor.crawler_1_material": {"steel", "aluminium", "none"},
    "sensor.crawler_1_severity": {"none", "mid", "late"},
    "sensor.crawler_1_area": None,  # a number, or unknown where nothing was judged
    "sensor.crawler_1_finding": {"opened", "updated", "closed"},
    "sensor.crawler_1_camera": {"ok"},
    "binary_sensor.crawler_1_link": {"on"},
}
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
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hass-") as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        assistant = HomeAssistant(args.hass.absolute(), folder / "hass")
        try:
            assistant.connect_mqtt(broker.port)
            return _watch(assistant, folder, broker.port, args.form)
        finally:
            assistant.stop()
            broker.kill()


def _watch(assistant: HomeAssistant, folder: Path, port: int, form: str) -> int:
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
    missing = _wait(assistant, _wrong, 90)
    for entity, state in sorted(assistant.states().items()):
        if "crawler_1" in entity:
            unit = state["attributes"].get("unit_of_measurement", "")
            print(f"{entity:<30} {state['state']} {unit}")
    daemon.kill()
    daemon.wait()
    still_on = _wait(assistant, _not_off, 30)
    print("after SIGKILL of the daemon    " + ("the link is off" if not still_on else f"{still_on}"))
    for problem in (*missing, *still_on):
        print(f"wrong: {problem}", file=sys.stderr)
    return 1 if missing or still_on else 0


def _wrong(states: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"{entity} is {states.get(entity, {}).get('state')}"
        for entity, wanted in ENTITIES.items()
        if entity not in states
        or states[entity]["state"] == "unavailable"
        or (wanted is not None and states[entity]["state"] not in wanted)
    ]


def _not_off(states: dict[str, dict[str, Any]]) -> list[str]:
    wanted = dict.fromkeys(ENTITIES, "unavailable") | {"binary_sensor.crawler_1_link": "off"}
    return [
        f"{entity} is {states[entity]['state']}"
        for entity in wanted
        if states[entity]["state"] != wanted[entity]
    ]


def _wait(assistant: HomeAssistant, problems: Any, timeout_s: float) -> list[str]:
    """Return what is still wrong when the time is over; nothing as soon as all is well."""
    deadline_s = time.monotonic() + timeout_s
    while (found := problems(assistant.states())) and time.monotonic() < deadline_s:
        time.sleep(0.5)
    return found


if __name__ == "__main__":
    sys.exit(main())
