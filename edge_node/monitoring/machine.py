"""Read the memory of this process and the board's temperature."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def memory_mb() -> float | None:
    """Return the resident memory of this process; None where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123  # read every few seconds
            pages = int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def temperature_c(zones: Path) -> float | None:
    """Return the highest temperature below ``zones`` (/sys/class/thermal); None where there is none.

    Source: the kernel's thermal sysfs: ``thermal_zone*/temp`` in thousandths of a degree.
    """
    found = []
    try:
        sensors = list(zones.glob("thermal_zone*/temp"))
    except OSError:
        return None
    for sensor in sensors:
        try:
            found.append(int(sensor.read_text(encoding="ascii")) / 1000)
        except (OSError, ValueError):  # a sensor that is switched off
            continue
    return max(found, default=None)
