"""How long a bundle takes over a clean and a slow link, and what verdicts feel of it.

    python -m tests.benchmarks.update_link [--bytes-per-s 32000]

The real daemon decides 20 frames a second behind a proxy that slows down what the broker sends, answers to
verdicts included; the default bundle is re-packed, signed and sent. Prints seconds, and the age of verdicts
on arrival, median and 99th percentile, before and during the transfer.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np

from tests.scenarios.test_update_mqtt import BASE, robot_config, sending
from tests.support.collector import Collector
from tests.support.processes import Mosquitto, daemon, wait_for
from tests.support.proxy import Proxy
from tests.support.releases import Maker

_BEFORE_VERDICTS = 50


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bytes-per-s", type=float, help="of the slow link; without, the link is clean")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="update-link-") as name:
        _measure(Path(name), args.bytes_per_s)
    return 0


def _measure(folder: Path, bytes_per_s: float | None) -> None:
    workstation, pictures = folder / "workstation", folder / "pictures"
    workstation.mkdir()
    pictures.mkdir()
    noise = np.random.default_rng(3)
    for index in range(10):
        coarse = noise.integers(60, 200, (24, 32, 3), dtype=np.uint8)
        cv2.imwrite(str(pictures / f"{index}.jpg"), cv2.resize(coarse, (320, 240)))
    maker = Maker(workstation)
    file = maker.bundle("2")
    broker = Mosquitto(folder)
    broker.start()
    with Proxy(broker.port) as proxy, Collector(broker.port, f"{BASE}/verdict") as room:
        proxy.answers_bytes_per_s = bytes_per_s
        arrived = _noting_arrival(room)
        with daemon(robot_config(folder, pictures, proxy.port, maker)):
            wait_for(lambda: len(arrived) > _BEFORE_VERDICTS, 120, "verdicts")
            before = len(arrived)
            began_s = time.monotonic()
            with sending(file, broker.port, "--until", "installed") as sender:
                output = sender.communicate(timeout=900)[0]
            took_s = time.monotonic() - began_s
            during = len(arrived)
    broker.kill()
    size = file.stat().st_size
    print(f"link from the broker       {f'{bytes_per_s:.0f} bytes/s' if bytes_per_s else 'clean'}")
    print(f"bundle                     {size} bytes, installed after {took_s:.1f} s")
    print(f"of the link                {size / took_s:.0f} bytes/s")
    print(f"verdict age before         {_ages(arrived[5:before])}")
    print(f"verdict age during         {_ages(arrived[before:during])}")
    print(output.splitlines()[-1])


def _noting_arrival(room: Collector) -> list[float]:
    """Return a list that grows by each verdict's age on arrival, in ms."""
    ages: list[float] = []
    keep = room._client.on_message

    def received(client, data, message) -> None:
        observed = datetime.fromisoformat(json.loads(message.payload)["observed_at"].replace("Z", "+00:00"))
        ages.append((time.time() - observed.timestamp()) * 1000)
        keep(client, data, message)

    room._client.on_message = received
    return ages


def _ages(found: list[float]) -> str:
    if not found:
        return "none came"
    return f"{np.median(found):.0f} ms median, {np.percentile(found, 99):.0f} ms p99, {len(found)} verdicts"


if __name__ == "__main__":
    sys.exit(main())
