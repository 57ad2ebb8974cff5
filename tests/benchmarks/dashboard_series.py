"""Whether every expression of the dashboard shows something: ``python -m tests.benchmarks.dashboard_series``.

Runs the demonstration (a broker, two robots, a control room) and Debian's Prometheus (``apt install
prometheus``), which asks all three; then evaluates every expression of the dashboard and of the alert rules,
and prints how many series each has. Exit code 1 if an expression of the dashboard has none, or if Prometheus
does not take the rules.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.config.sections import load_config
from edge_node.control_room.metrics.monitoring_files import ALERTS, DASHBOARD, write_monitoring_files
from edge_node.demo.broker import embedded_broker
from edge_node.demo.crawlers import CRAWLERS, run_crawlers
from tests.support.control_room import ControlRoom
from tests.support.dashboard import list_expressions
from tests.support.processes import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def prometheus(folder: Path, targets: dict[str, list[int]]) -> Iterator[int]:
    """Run Prometheus on our rules and these ports of the loopback; yields its own port."""
    write_monitoring_files(folder / "ours")
    subprocess.run(["promtool", "check", "rules", str(folder / "ours" / ALERTS)], check=True)
    jobs = [
        {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}]}
        for name, ports in targets.items()
    ]
    config = folder / "prometheus.yml"
    config.write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "1s", "evaluation_interval": "5s"},
                "rule_files": [str(folder / "ours" / ALERTS)],
                "scrape_configs": jobs,
            }
        ),
        encoding="utf-8",
    )
    port = free_port()
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(lambda: _is_ready(port), 60, "Prometheus")
        yield port
    finally:
        process.terminate()
        process.wait(30)


def ask(port: int, expression: str) -> list[dict[str, object]]:
    """Return the series that an expression has now."""
    query = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{query}", timeout=30) as answer:
        found: list[dict[str, object]] = json.load(answer)["data"]["result"]
        return found


def main() -> int:
    """Run all, ask, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="for which Prometheus asks (default: 60)")
    args = parser.parse_args()
    if shutil.which("prometheus") is None:
        print("Prometheus is not installed; Debian: apt install prometheus")
        return 1
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        broker_port = stack.enter_context(embedded_broker(folder))
        room = stack.enter_context(ControlRoom(folder, broker_port))
        stack.enter_context(run_crawlers(folder, broker_port))
        configs = [folder / f"{crawler.robot}.toml" for crawler in CRAWLERS]
        wait_for(lambda: len(room.state()["robots"]) == len(CRAWLERS), 90, "both robots")
        robots = [load_config(path).http.port for path in configs]
        port = stack.enter_context(
            prometheus(folder, {"corrosion-room": [room.port], "corrosion-robots": robots})
        )
        room.request("/api/report.csv?site=demo&robot=crawler-1")
        time.sleep(args.seconds)
        empty = 0
        for title, expression in list_expressions(DASHBOARD):
            series = ask(port, expression.replace("$__rate_interval", "20s"))
            empty += not series
            print(f"{len(series):>4} series  {title:<32} {expression}")
        for title, expression in list_expressions(ALERTS):
            print(f"{len(ask(port, expression)):>4} alerts  {title:<32} {expression}")
    print(f"{empty} expressions of the dashboard have no series")
    return 1 if empty else 0


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
