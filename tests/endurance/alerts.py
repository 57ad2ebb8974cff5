"""Real faults, and the alerts that they raise: ``python -m tests.endurance.alerts``.

A real control room on a real mosquitto, four robot daemons, a real SMTP server, a real webhook. Each rule's
fault is made, and the table says after how many seconds its message came by mail and by webhook.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_node.config.sections import example_config
from edge_node.demo.crawlers import Crawler, run_crawlers
from edge_node.demo.pipe import Pipe, Spot
from edge_node.demo.run import CLIP
from tests.support.alert_receivers import MailServer, Webhook, receivers
from tests.support.control_room import ControlRoom
from tests.support.mjpeg_server import Behaviour, MjpegServer
from tests.support.processes import Mosquitto, command, daemon, wait_for
from tests.support.releases import Maker, changed_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

RULES: dict[str, dict[str, Any]] = {
    "rust": {"when": "finding", "severity": "late"},
    "dark": {"when": "coverage", "below": 0.5, "over_s": 10},
    "camera": {"when": "part", "parts": ["camera"], "after_s": 3},
    "bundle": {"when": "rolled_back"},
    "quiet": {"when": "silent", "after_s": 8, "robots": ["crawler-3"]},
    "worse": {"when": "growing"},
}
# The demo's crawler on a short pipe, on which one place looks older at each pass.
GROWING = Crawler(
    robot="crawler-4",
    pipe=Pipe(
        asset="pipe G-1",
        tiles=5,
        plates=((0, "steel-b"),),
        # The first stays as it is: two places show when the crawler has turned round.
        spots=(Spot(1, ((0, 25),)), Spot(3, ((0, 25), (1, 40), (2, 60), (3, 100), (4, 200)))),
    ),
    speed_m_per_s=0.25,
)
MOST_S = 240.0


def write_robot(folder: Path, robot: str, port: int, source: str, **bundle: Any) -> Path:
    """Write the configuration of a robot, and return its path."""
    path = folder / f"{robot}.toml"
    text = example_config(
        node={"site": "demo", "robot": robot, "asset": "pipe L-7", "state_dir": str(folder / robot)},
        camera={"source": source, "loop": True} if "://" not in source else {"source": source},
        bundle=bundle or {"path": "default"},
        findings={"update_s": 1.0},
        mqtt={"hostname": "127.0.0.1", "port": port, "keep_alive_s": 2},
    )
    (folder / robot).mkdir()
    path.write_text(text, encoding="utf-8")
    return path


def draw_night(folder: Path) -> Path:
    """Draw pictures of which nothing can be judged."""
    folder.mkdir()
    for number in range(4):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((240, 320, 3), number, np.uint8))
    return folder


def make_unsure(maker: Maker, folder: Path) -> Path:
    """Return a signed bundle that never decides: its trial ends with the one before it."""

    def change(manifest: dict[str, Any]) -> None:
        for stage in manifest["cascade"]["stages"]:
            stage["abstain_below"] = 1.0

    return maker.bundle("3", source=changed_bundle(folder / "unsure", change))


class Watch:
    """Waits for the messages of rules, and keeps when each came by which way."""

    def __init__(self, mail: MailServer, webhook: Webhook) -> None:
        self._mail = mail
        self._webhook = webhook
        self.rows: list[tuple[str, str, float | None, float | None]] = []

    def run(self, rule: str, fault: str, make: Callable[[], object], *, word: str = "") -> None:
        """Make a fault and wait for the message of its rule, with ``word`` in it, by both ways."""
        began_s = time.monotonic()
        make()
        found: dict[str, float] = {}

        def look() -> bool:
            texts = {
                "mail": [mail.get_content() for mail in self._mail.got],
                "webhook": [got["message"] for got in self._webhook.got],
            }
            for way, got in texts.items():
                if any(f"Rule {rule}," in text and word in text for text in got):
                    found.setdefault(way, time.monotonic() - began_s)
            return len(found) == 2

        try:
            wait_for(look, MOST_S, f"the message of {rule}")
        except AssertionError as err:
            print(err)
        self.rows.append((rule, fault, found.get("mail"), found.get("webhook")))
        print("{:<9} {:<55} {:>7} {:>9}".format(*map(_show, self.rows[-1])), flush=True)


def main() -> int:
    """Make all faults; 1 if a message did not come."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = Mosquitto(folder)
        broker.start()
        stack.callback(broker.kill)
        mail, webhook = stack.enter_context(receivers())
        channels = folder / "channels.toml"
        channels.write_text(f'duty = "{mail.url}"\nhook = "{webhook.url}"\n', encoding="utf-8")
        channels.chmod(0o600)
        rules = {name: {**rule, "cooldown_s": 0.0} for name, rule in RULES.items()}
        alerts = {"channels_file": str(channels), "gather_s": 2.0, "rules": rules}
        room = stack.enter_context(ControlRoom(folder, broker.port, alerts=alerts))
        camera = stack.enter_context(closing(MjpegServer()))
        maker = Maker(folder)
        watch = Watch(mail, webhook)
        print("rule      fault                                                    mail s webhook s")
        store = {"path": "store", "trusted_keys": [maker.public], "trial_verdicts": 15}
        store["trial_latency_factor"] = 100.0
        clip = write_robot(folder, "crawler-1", broker.port, str(CLIP), **store)
        live = write_robot(folder, "crawler-2", broker.port, camera.url)
        night = write_robot(folder, "crawler-3", broker.port, str(draw_night(folder / "night")))
        watch.run("rust", "late corrosion in the demo's clip", lambda: stack.enter_context(daemon(clip)))
        killed: list[Any] = []
        watch.run(
            *("dark", "a robot that sees nothing but the dark"),
            lambda: killed.append(stack.enter_context(daemon(night))),
        )
        stack.enter_context(daemon(live))
        wait_for(lambda: _camera(room, "crawler-2") == "ok", 60, "the camera")
        watch.run("camera", "the camera stalls", lambda: setattr(camera, "behaviour", Behaviour.STALL))
        watch.run(
            *("camera", "it sends pictures again"),
            lambda: setattr(camera, "behaviour", Behaviour.STREAM),
            word="no longer failing",
        )
        unsure = make_unsure(maker, folder)
        watch.run(
            "bundle",
            "a bundle that never decides, sent to crawler-1",
            lambda: threading.Thread(target=_send, args=(unsure, broker.port), daemon=True).start(),
        )
        watch.run("quiet", "SIGKILL of crawler-3", killed[0].kill)
        stack.enter_context(daemon(night))
        watch.run("quiet", "it starts again", lambda: None, word="heard again")
        crawlers = run_crawlers(folder, broker.port, (GROWING,), speed=3.0)
        watch.run(
            *("worse", "corrosion that looks older on each pass of a crawler"),
            lambda: stack.enter_context(crawlers),
            word="Growing by",
        )
        log = room.log.read_text(encoding="utf-8")
        leaked = [secret for secret in ("hunter2", "T0PSECRET", "KEYSECRET") if secret in log]
        print(f"secrets in the room's log: {len(leaked)}")
        return 1 if leaked or any(None in row for row in watch.rows) else 0


def _camera(room: ControlRoom, robot: str) -> str:
    found = [one for one in room.state()["robots"] if one["robot"] == robot]
    return found[0]["status"]["camera"]["state"] if found and found[0]["status"] else ""


def _send(file: Path, port: int) -> None:
    options = ("--broker", f"127.0.0.1:{port}", "--robot", "demo/crawler-1", "--timeout", "120")
    command("edge_node.cli", "bundle", "send", str(file), *options, timeout=200)


def _show(value: str | float | None) -> str:
    return "missing" if value is None else value if isinstance(value, str) else f"{value:.1f}"


if __name__ == "__main__":
    raise SystemExit(main())
