"""Describe the board: versions of software, hardware, disks, memory, temperature, service."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node import __version__
from edge_node.monitoring.machine import temperature_c
from edge_node.support.commands import run_program

if TYPE_CHECKING:
    from collections.abc import Iterator

_ZONES = Path("/sys/class/thermal")
_MODELS = (Path("/proc/device-tree/model"), Path("/sys/class/dmi/id/product_name"))
_MEMORY = ("MemTotal", "MemFree", "MemAvailable", "SwapTotal", "SwapFree")
_MOST_BYTES = 65_536  # of a file of /proc
_SERVICE = (
    "Id,ActiveState,SubState,Result,ExecMainStatus,NRestarts,ActiveEnterTimestamp,MemoryCurrent,UnitFileState"
)
UNITS = ("corrosion-edge.service", "corrosion-edge@*.service")


def describe_versions() -> str:
    """Return the versions of node, Python, system and every installed package."""
    packages = sorted(
        {
            f"{found.metadata['Name']} {found.version}"
            for found in metadata.distributions()
            if found.metadata["Name"]
        },
        key=str.lower,
    )
    system = _first_value(_read(Path("/etc/os-release")), "PRETTY_NAME")
    lines = [
        f"edge-node {__version__}",
        f"python    {sys.version.split()[0]} {platform.machine()} in {sys.prefix}",
        f"system    {system or platform.system()}",
        f"kernel    {platform.release()} {platform.version()}",
        f"board     {_board_model()}",
        "",
        *packages,
    ]
    return "\n".join(lines) + "\n"


def describe_runtime() -> str:
    """Return what ``edge-node version`` prints in a process of its own: a runtime may end it by a signal."""
    found = run_program(sys.executable, "-m", "edge_node.cli", "version", timeout_s=60)
    return found.text + (f"{found.problem}\n" if found.problem else "")


def describe_opencv() -> str:
    """Return how OpenCV was built: which cameras and streams it can open."""
    found = run_program(sys.executable, "-c", "import cv2; print(cv2.getBuildInformation())", timeout_s=60)
    return found.text + (f"{found.problem}\n" if found.problem else "")


def describe_hardware(folders: list[Path]) -> str:
    """Return processor, load, memory, temperature, and the disks of ``folders``."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    memory = [line for line in _read(Path("/proc/meminfo")).splitlines() if line.partition(":")[0] in _MEMORY]
    temperature = temperature_c(_ZONES)
    model = (
        _first_value(_read(Path("/proc/cpuinfo")), "model name") or platform.processor() or platform.machine()
    )
    lines = [
        f"processor    {os.cpu_count()} x {model}",
        f"load         {load} (1, 5, 15 minutes)",
        f"up           {_read(Path('/proc/uptime')).partition(' ')[0] or 'not known'} s",
        f"temperature  {'not known' if temperature is None else f'{temperature:.1f} °C'}",
        *(f"memory       {' '.join(line.split())}" for line in memory),
        *(f"disk         {line}" for folder in folders for line in _describe_disk(folder)),
        f"user         {os.geteuid()}",
    ]
    return "\n".join(lines) + "\n"


def describe_service() -> str:
    """Return the state of the node's units: how often they were restarted, how they ended."""
    found = run_program("systemctl", "show", "--no-pager", f"--property={_SERVICE}", *UNITS)
    return found.text + (f"{found.problem}\n" if found.problem else "")


def _describe_disk(folder: Path) -> Iterator[str]:
    try:
        usage, status = shutil.disk_usage(folder), os.statvfs(folder)
    except OSError as err:
        yield f"{folder}: {err.strerror or err}"
        return
    read_only = ", mounted read-only" if status.f_flag & os.ST_RDONLY else ""
    yield (
        f"{folder}: {usage.free / 1e6:,.0f} MB free of {usage.total / 1e6:,.0f} MB,"
        f" {status.f_favail:,} file names free{read_only}"
    )


def _board_model() -> str:
    return next((found for path in _MODELS if (found := _read(path).strip("\0\n "))), "not known")


def _first_value(text: str, name: str) -> str:
    """Return the value of the first line ``name=...`` or ``name : ...``."""
    for line in text.splitlines():
        key, _, value = line.partition("=" if "=" in line else ":")
        if key.strip() == name:
            return value.strip().strip('"')
    return ""


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
