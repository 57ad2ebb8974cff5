"""Kills updates at random moments; after each kill there must be one bundle that is whole, signed and boots.

    python -m tests.endurance.update_kill --kills 100            # the real `edge-node bundle install`
    python -m tests.endurance.update_kill --kills 20 --daemon    # the real daemon, while it fetches by MQTT

Half of the kills fall where files are written and renamed, found by watching the store, the rest anywhere.
After each, `edge-node bundle verify` and `list` must succeed, and what decides must be the old version or the
new one. Exit code 1 if one did not. SIGKILL does not prove what a power cut does: that is the disk's promise.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np

from edge_node.config.sections import example_config
from tests.support.processes import Mosquitto
from tests.support.releases import Maker

_NODE = (sys.executable, "-m", "edge_node.cli")
_SETTLE_S = 20.0


def main() -> int:
    """Kill, look, count."""
    args = _arguments()
    generator = random.Random(args.seed)  # noqa: S311  moments, not secrets
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="update-kill-") as name, ExitStack() as closing:
        folder = Path(name)
        maker = Maker(_made(folder / "workstation"))
        file = maker.bundle("2")
        broker = Mosquitto(folder)
        if args.daemon:
            broker.start()
            closing.callback(broker.kill)
        config = _configuration(folder, maker, broker.port)
        found = {"old": 0, "new": 0}
        for number in range(1, args.kills + 1):
            shutil.rmtree(folder / "state" / "store", ignore_errors=True)
            disturb = _kill_daemon if args.daemon else _kill_install
            disturb(folder, config, file, broker.port, generator)
            version = _booted(config)
            if version is None:
                print(f"kill {number}: no bundle is good; the store is left in {folder}", file=sys.stderr)
                return 1
            found["new" if version == "2" else "old"] += 1
            print(f"kill {number} of {args.kills}: {found}", file=sys.stderr, flush=True)
            if args.daemon and number == args.kills:
                _start(config, folder).kill()
    print(f"killed (SIGKILL)             {args.kills}")
    print(f"old bundle good afterwards   {found['old']}")
    print(f"new bundle good afterwards   {found['new']}")
    print(f"took                         {time.monotonic() - began_s:.0f} s")
    return 0


def _kill_install(folder: Path, config: Path, file: Path, _port: int, generator: random.Random) -> None:
    """Kill the command line, half of the times once it has begun to write."""
    install = subprocess.Popen(
        [*_NODE, "bundle", "install", str(file), "--config", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    store = folder / "state" / "store"
    if generator.random() < 0.5:
        _wait(lambda: any(store.glob("staging-*")) or install.poll() is not None)
        time.sleep(generator.uniform(0.0, 0.6))
    else:
        time.sleep(generator.uniform(0.1, 1.6))
    install.kill()
    install.wait()


def _kill_daemon(folder: Path, config: Path, file: Path, port: int, generator: random.Random) -> None:
    """Kill the daemon while it fetches, unpacks or switches."""
    daemon = _start(config, folder)
    where = ("--broker", f"127.0.0.1:{port}", "--robot", "quay/crawler-1")
    sender = subprocess.Popen(
        [*_NODE, "bundle", "send", str(file), *where], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait((folder / "state" / "store" / "incoming" / "part").exists)
        time.sleep(generator.uniform(0.0, 2.0))
    finally:
        daemon.kill()
        daemon.wait()
        sender.kill()
        sender.wait()


def _booted(config: Path) -> str | None:
    """Return the version that decides if it is whole, signed and computes rightly; None if not."""
    for action in ("verify", "list"):
        ran = subprocess.run(
            [*_NODE, "bundle", action, "--config", str(config)], capture_output=True, text=True, check=False
        )
        if ran.returncode != 0:
            print(ran.stdout + ran.stderr, file=sys.stderr)
            return None
        if action == "verify" and "store: good." not in ran.stdout:
            return None
    return ran.stdout.split("\n", 1)[0].split(",")[0].split(" (")[0].rpartition("-")[2].strip()


def _start(config: Path, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "daemon.log").open("ab") as log:
        return subprocess.Popen([*_NODE, "run", "--config", str(config)], stdout=log, stderr=log)


def _configuration(folder: Path, maker: Maker, port: int) -> Path:
    pictures = _made(folder / "pictures")
    noise = np.random.default_rng(3)
    for index in range(10):
        coarse = noise.integers(60, 200, (24, 32, 3), dtype=np.uint8)
        cv2.imwrite(str(pictures / f"{index}.jpg"), cv2.resize(coarse, (320, 240)))
    path = folder / "node.toml"
    path.write_text(
        example_config(
            node={"site": "quay", "robot": "crawler-1", "state_dir": str(_made(folder / "state"))},
            camera={"source": str(pictures), "fps": 10.0, "loop": True},
            bundle={"path": "store", "trusted_keys": [maker.public]},
            mqtt={"hostname": "127.0.0.1", "port": port},
        ),
        encoding="utf-8",
    )
    return path


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _wait(condition) -> None:
    until_s = time.monotonic() + _SETTLE_S
    while not condition() and time.monotonic() < until_s:
        time.sleep(0.002)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--daemon", action="store_true", help="kill the daemon while it fetches by MQTT")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
