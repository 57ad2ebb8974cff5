"""Kills the real daemon and the broker again and again, and counts what a subscriber got.

    python -m tests.endurance.kill --kills 200 --broker-kills 50 --verdicts 50000
    python -m tests.endurance.kill --kills 20 --faults        # through a link that fails in five ways
    python -m tests.endurance.kill --kills 20 --receipts      # the subscriber says what it has stored
    python -m tests.endurance.kill --kills 20 --commit-interval-ms 1000   # verdicts wait in memory

Needs mosquitto; everything else comes with the project. Prints a table and exits 1 if a verdict was lost,
the end of one connection had more than one window sent again, first occurrences came out of order, or the
chain of hashes over all starts is broken (``chain.py``). SIGKILL does not prove what a power cut does: that
is the disk's promise.

The node's promise ends where the broker acknowledges. A tap on the link reads along what it acknowledged:
what the subscriber lacks and the broker never acknowledged, the node has lost; what the broker
acknowledged and forgot when it was killed, mosquitto has lost, and is counted apart. With
--broker-signal TERM mosquitto saves what it has, and nothing at all may be missing. With --receipts the node
keeps every verdict until the subscriber says that it has it, so that nothing at all may be missing either,
whatever the broker forgets; how much is repeated then depends on how often the subscriber says so.

What a kill cost that no disk and nobody else ever had is counted by the clock: from the moment of the newest
verdict on disk to the kill. With --commit-interval-ms that may be so much, without it a few milliseconds.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tests.endurance.chain import Epochs
from tests.endurance.judge import WINDOW, judge
from tests.support.collector import Collector
from tests.support.processes import Mosquitto
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from tests.endurance.judge import Tally

CONSUMER = "historian"
TOPIC = "corrosion/v1/endurance/robot/verdict"
# Acknowledged is acknowledged only while the broker lives: it must not hold back what it acknowledged.
BROKER = "max_inflight_messages 0\npersistence true\npersistence_location {}/\nuser root\n"


class Receipts:
    """Says twice a second, as a consumer that keeps the record, how far it has every verdict."""

    def __init__(self, subscriber: Collector) -> None:
        self._subscriber = subscriber
        self._seen: dict[str, set[int]] = {}
        self._stored: dict[str, int] = {}
        self._read = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._say, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def _say(self) -> None:
        while not self._stop.wait(0.5):
            messages = self._subscriber.messages
            for message in messages[self._read :]:
                _, epoch, seq = json.loads(message.payload)["id"].split(":")
                self._seen.setdefault(epoch, set()).add(int(seq))
                self._read += 1
            # Of the newest epochs: one that was killed may wait for its receipt in the next lives.
            for epoch in list(self._seen)[-10:]:
                stored = self._stored.get(epoch, 0)
                while stored + 1 in self._seen[epoch]:
                    stored += 1
                self._stored[epoch] = stored
                receipt = json.dumps({"epoch": epoch, "seq": stored}).encode()
                self._subscriber.say(f"corrosion/v1/endurance/robot/receipt/{CONSUMER}", receipt)


class Deaths:
    """How long before each kill the newest verdict that reached the disk was made."""

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}  # id of the newest verdict on disk; when the daemon was killed
        self._lost: list[tuple[float, float]] = []  # seconds, verdicts

    def note(self, killed_ns: int, epochs: Epochs) -> None:
        """Note a kill; a life without a verdict on disk says nothing."""
        for end in list(epochs.ends.values())[-1:]:
            self._newest.setdefault(f"robot:{end['epoch']}:{end['seq']}", killed_ns)

    def measure(self, payloads: list[bytes]) -> None:
        """Find the moments of the verdicts, and how many a life gave in a second."""
        made_ns: dict[str, dict[int, int]] = {}
        for verdict in map(json.loads, payloads):
            made_ns.setdefault(verdict["id"].split(":")[1], {})[verdict["seq"]] = verdict["monotonic_ns"]
        for name, killed_ns in self._newest.items():
            _, epoch, seq = name.split(":")
            moments = made_ns.get(epoch, {})
            if int(seq) in moments and len(moments) > 1:
                lived_s = (max(moments.values()) - min(moments.values())) / 1e9
                lost_s = (killed_ns - moments[int(seq)]) / 1e9
                self._lost.append((lost_s, lost_s * (len(moments) - 1) / lived_s))

    def __str__(self) -> str:
        worst_s, _ = max(self._lost, default=(0.0, 0.0))
        about = sum(count for _, count in self._lost)
        return f"about {about:.0f} verdicts of {len(self._lost)} lives, at most {worst_s:.2f} s of one"


def main() -> int:
    """Run, print, judge."""
    args = _arguments()
    generator = random.Random(args.seed)  # noqa: S311  moments, not secrets
    with tempfile.TemporaryDirectory(prefix="kill-") as folder:
        began_s = time.monotonic()
        epochs, deaths = Epochs(), Deaths()
        tally, kills, broker_kills, faults = run(Path(folder), args, generator, epochs, deaths)
    print(f"daemon killed (SIGKILL)      {kills}")
    print(f"broker stopped (SIG{args.broker_signal})     {broker_kills}")
    print(f"link faults                  {faults}")
    print(f"verdicts                     {tally.verdicts}")
    print(f"lost by the node             {len(tally.lost)} {tally.lost[:10] or ''}")
    print(f"forgotten by a killed broker {len(tally.forgotten)} {tally.forgotten[:10] or ''}")
    print(f"duplicates                   {tally.duplicates}, of which the broker repeated {tally.by_broker}")
    print(f"sent again by the node       {tally.repeats.total()}, at most {tally.worst} for one broken link")
    print(f"sent again without a cause   {len(tally.baseless)} {tally.baseless[:10] or ''}")
    print(f"first occurrences misplaced  {len(tally.misplaced)}", *tally.misplaced[:10], sep="\n    ")
    print(
        f"chain over {len(epochs.ends):<4} epochs       {len(epochs.broken)} broken {epochs.broken[:3] or ''}"
    )
    print(f"not on disk when killed      {deaths}")
    print(f"took                         {time.monotonic() - began_s:.0f} s")
    if args.receipts:
        return 1 if tally.lost or tally.forgotten or epochs.broken else 0
    return (
        0
        if tally.is_good and not epochs.broken and (args.broker_signal == "KILL" or not tally.forgotten)
        else 1
    )


def run(
    folder: Path, args: argparse.Namespace, generator: random.Random, epochs: Epochs, deaths: Deaths
) -> tuple[Tally, int, int, int]:
    """Disturb until there were enough kills and verdicts; return what the subscriber saw."""
    spool = folder / "state" / "spool.sqlite"
    broker = Mosquitto(folder, BROKER.format(folder))
    broker.start()
    kills = broker_kills = faults = 0
    with Proxy(broker.port, TOPIC) as proxy, Collector(broker.port, TOPIC) as subscriber:
        config = _configuration(folder, proxy.port, args)
        receipts = Receipts(subscriber) if args.receipts else None
        daemon = _start(config, folder)
        deadline_s = time.monotonic() + args.limit_s
        while kills < args.kills or broker_kills < args.broker_kills or _count(subscriber) < args.verdicts:
            if time.monotonic() > deadline_s:
                print(f"stopped after {args.limit_s} s", file=sys.stderr)
                break
            _let_live(subscriber, generator, args.longest_life_s)
            if args.faults and generator.random() < 0.5:
                _disturb_link(proxy, generator)
                faults += 1
            elif broker_kills < args.broker_kills and generator.random() < 0.3:
                broker.kill() if args.broker_signal == "KILL" else broker.terminate()
                time.sleep(generator.uniform(0.0, 1.0))
                broker.start()
                broker_kills += 1
            else:
                daemon.kill()
                killed_ns = time.monotonic_ns()
                daemon.wait()
                epochs.note(spool)
                deaths.note(killed_ns, epochs)
                kills += 1
                daemon = _start(config, folder)
            if (kills + broker_kills + faults) % 20 == 0:
                print(f"{kills} + {broker_kills} kills, {_count(subscriber)} verdicts", file=sys.stderr)
        _calm(proxy)
        _finish(daemon, folder, subscriber)
        epochs.note(spool)
        if receipts is not None:
            receipts.stop()
        sendings = proxy.sendings
    broker.kill()
    messages = subscriber.of(TOPIC)
    epochs.check([message.payload for message in messages])
    deaths.measure([message.payload for message in messages])
    return judge(messages, epochs.given("robot"), sendings), kills, broker_kills, faults


def _let_live(subscriber: Collector, generator: random.Random, longest_s: float) -> None:
    """Wait for a random moment: one in five while it starts, the others after its first verdict.

    A slow machine makes the run longer, not the lives shorter.
    """
    if generator.random() < 0.2:
        time.sleep(generator.uniform(0.1, 1.5))
        return
    count, deadline_s = _count(subscriber), time.monotonic() + 30
    while _count(subscriber) == count and time.monotonic() < deadline_s:
        time.sleep(0.02)
    time.sleep(generator.uniform(0.0, longest_s))


def _disturb_link(proxy: Proxy, generator: random.Random) -> None:
    """Make the link bad in one of five ways for a moment, then cut it."""
    kind = generator.choice(["swallow", "delay", "throttle", "truncate", "cut"])
    proxy.swallow_answers = kind == "swallow"
    proxy.delay_s = 0.3 if kind == "delay" else 0.0
    proxy.bytes_per_s = 2000.0 if kind == "throttle" else None
    proxy.truncate = kind == "truncate"
    time.sleep(generator.uniform(0.1, 1.5))
    _calm(proxy)
    proxy.cut()


def _calm(proxy: Proxy) -> None:
    proxy.swallow_answers = proxy.truncate = False
    proxy.delay_s, proxy.bytes_per_s = 0.0, None


def _count(subscriber: Collector) -> int:
    return len(subscriber.messages)


def _configuration(folder: Path, port: int, args: argparse.Namespace) -> Path:
    pictures = folder / "pictures"
    pictures.mkdir()
    noise = np.random.default_rng(1)
    for number in range(20):
        # Nine of ten are too dark to be judged: a verdict each, at the price of no inference.
        brightest = 255 if number % 10 == 0 else 20
        picture = noise.integers(0, brightest, (224, 224, 3), dtype=np.uint8)
        cv2.imwrite(str(pictures / f"{number:02}.png"), picture)
    config = folder / "edge_node.toml"
    config.write_text(
        f"""
[node]
site = "endurance"
robot = "robot"
state_dir = "{folder / "state"}"
[camera]
source = "{pictures}"
pace = "fast"
loop = true
[bundle]
path = "default"
[mqtt]
hostname = "127.0.0.1"
port = {port}
window = {WINDOW}
require_subscriber = true
receipts_from = {[CONSUMER] if args.receipts else []}
[spool]
commit_interval_ms = {args.commit_interval_ms}
""",
        encoding="utf-8",
    )
    return config


def _start(config: Path, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "daemon.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "edge_node.cli", "run", "--config", str(config), "--log-level", "warning"],
            stdout=log,
            stderr=log,
        )


def _finish(daemon: subprocess.Popen[bytes], folder: Path, subscriber: Collector) -> None:
    """Stop deciding, and deliver what is left with a publisher of our own."""
    from edge_node.config.delivery_sections import SpoolConfig
    from edge_node.config.sections import load_config
    from edge_node.delivery.publisher import Publisher
    from edge_node.messages.topics import Topics
    from edge_node.mqtt.wake import Wake
    from edge_node.spool.spool import Spool

    daemon.terminate()
    # It may have been started this moment, before it listens to signals.
    if (code := daemon.wait(30)) not in (0, -signal.SIGTERM):
        print((folder / "daemon.log").read_text()[-2000:], file=sys.stderr)
        raise SystemExit(f"the daemon did not stop cleanly, but with exit code {code}")
    spool = Spool.open(folder / "state" / "spool.sqlite", SpoolConfig())
    config = load_config(folder / "edge_node.toml").mqtt
    publisher = Publisher(config, Topics("endurance", "robot"), spool, Wake())
    publisher.start()
    if not publisher.drain(300):
        raise SystemExit(f"{spool.depth().waiting} rows do not leave the spool")
    publisher.stop()
    spool.close()
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        count = len(subscriber.messages)
        time.sleep(1.0)
        if len(subscriber.messages) == count:
            break


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200, help="of the daemon (default: %(default)s)")
    parser.add_argument("--broker-kills", type=int, default=50, help="default: %(default)s")
    parser.add_argument("--broker-signal", choices=("KILL", "TERM"), default="KILL")
    parser.add_argument("--verdicts", type=int, default=50_000, help="at least (default: %(default)s)")
    parser.add_argument("--faults", action="store_true", help="let the link fail too")
    parser.add_argument("--receipts", action="store_true", help="keep verdicts until the subscriber has them")
    parser.add_argument("--commit-interval-ms", type=int, default=0, help="of [spool] (default: %(default)s)")
    parser.add_argument(
        "--longest-life-s", type=float, default=4.0, help="after a first verdict (default: %(default)s)"
    )
    parser.add_argument("--limit-s", type=float, default=3600.0, help="stop disturbing after so long")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
