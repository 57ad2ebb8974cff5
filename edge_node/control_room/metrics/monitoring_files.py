"""Write out the files that Prometheus and Grafana read: scrape configuration, alert rules, dashboard."""

from __future__ import annotations

from pathlib import Path

from edge_node.control_room.new_files import write_new_files

FOLDER = Path(__file__).parents[1] / "grafana"
DASHBOARD, ALERTS, SCRAPE = "corrosion.json", "alerts.yml", "prometheus.yml"


def write_monitoring_files(folder: Path) -> list[Path]:
    """Write the files into ``folder`` and return their paths.

    Raises:
        ConfigError: one is there already, or cannot be written; files of others stay as they are.
    """
    names = (DASHBOARD, ALERTS, SCRAPE)
    return write_new_files(folder, {name: (FOLDER / name).read_bytes() for name in names})
