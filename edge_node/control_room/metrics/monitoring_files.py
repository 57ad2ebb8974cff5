"""Write out the files that Prometheus and Grafana read: scrape configuration, alert rules, dashboard."""

from __future__ import annotations

from pathlib import Path

from edge_node.errors import ConfigError

FOLDER = Path(__file__).parents[1] / "grafana"
DASHBOARD, ALERTS, SCRAPE = "corrosion.json", "alerts.yml", "prometheus.yml"


def write_monitoring_files(folder: Path) -> list[Path]:
    """Write the files into ``folder`` and return their paths.

    Raises:
        ConfigError: one is there already, or cannot be written; files of others stay as they are.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (DASHBOARD, ALERTS, SCRAPE):
            path = folder / name
            with path.open("xb") as file:
                file.write((FOLDER / name).read_bytes())
            written.append(path)
    except FileExistsError as err:
        raise ConfigError(f"{err.filename}: is there already; name another folder") from err
    except OSError as err:
        raise ConfigError(f"{err.filename or folder}: {err.strerror or err}") from err
    return written
