"""From published to seen in a real browser: ``python -m tests.benchmarks.page_latency``.

Two robots publish verdicts to a real mosquitto, 10 a second each, QoS 1; a control room stores them and
tells a headless Chromium. For each verdict the clock runs from before PUBLISH to the first animation frame
after its row is in the page: the browser is about to paint it. Wanted: 300 ms at the 95th percentile.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path

import msgspec

from edge_node.messages.verdict import Pose, encode
from tests.support.browser import browser
from tests.support.collector import Collector
from tests.support.control_room import ControlRoom
from tests.support.processes import Mosquitto
from tests.support.verdicts import verdict

_WATCH = """() => {
  window.seen = {};
  new MutationObserver((changes) => {
    const ids = changes.flatMap((change) => [...change.addedNodes]).flatMap((node) => [...node.querySelectorAll("[data-id]")]).map((node) => node.dataset.id);
    requestAnimationFrame(() => { for (const id of ids) window.seen[id] ??= Date.now(); });
  }).observe(document.getElementById("feed"), { childList: true });
}"""  # noqa: E501


def publish(port: int, robot: str, per_s: float, count: int, sent: dict[str, float]) -> None:
    """Publish at a steady pace and note when."""
    with Collector(port, "nothing", client_id=robot) as client:
        began_s = time.monotonic()
        for seq in range(1, count + 1):
            time.sleep(max(0.0, began_s + seq / per_s - time.monotonic()))
            found = verdict(seq, "CUUU?"[seq % 5], pose=Pose(distance_m=seq / 50))
            found = msgspec.structs.replace(found, robot=robot, id=f"{robot}:epoch:{seq}")
            payload = encode(found)
            sent[found.id] = time.time() * 1e3
            client.publish(f"corrosion/v1/quay/{robot}/verdict", payload)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--robots", type=int, default=2)
    parser.add_argument("--per-second", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    args = parser.parse_args()
    sent: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        try:
            with ControlRoom(folder, broker.port) as room, browser(folder / "profile") as context:
                page = context.new_page()
                page.goto(room.url)
                page.get_by_text("broker connected").wait_for()
                page.evaluate(_WATCH)
                count = round(args.seconds * args.per_second)
                robots = [
                    threading.Thread(
                        target=publish, args=(broker.port, f"crawler-{number}", args.per_second, count, sent)
                    )
                    for number in range(1, args.robots + 1)
                ]
                for robot in robots:
                    robot.start()
                for robot in robots:
                    robot.join()
                page.wait_for_timeout(2000)
                seen = page.evaluate("window.seen")
        finally:
            broker.kill()
    waits = sorted(seen[one] - sent[one] for one in sent if one in seen)
    if len(waits) < 2:
        raise SystemExit("the browser saw nothing")
    print(
        f"{args.robots} robots, {args.per_second:g}/s each: {len(waits)} of {len(sent)} verdicts seen;"
        f" median {statistics.median(waits):.0f} ms, p95 {waits[int(0.95 * (len(waits) - 1))]:.0f} ms,"
        f" p99 {waits[int(0.99 * (len(waits) - 1))]:.0f} ms, most {waits[-1]:.0f} ms"
    )


if __name__ == "__main__":
    main()
