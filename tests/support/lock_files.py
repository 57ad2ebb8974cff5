"""Write the lock files of ``edge_node/locks``: ``python -m tests.support.lock_files``, which needs ``uv``.

Each holds exact versions with the hashes of their wheels, for Linux on x86_64 and aarch64 and each Python
that the project supports: ``pip install --require-hashes -r edge_node/locks/robot.txt``. Hashes of other
systems' wheels and of source archives are left out: nothing is built on a robot. 32-bit Arm has no lock; its
runtime ended with Python 3.11.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "edge_node" / "locks"
EXTRAS = {"robot": ("signing",), "room": ("signing", "control-room")}
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
MACHINES = ("x86_64", "aarch64")
# uv overlooks a package's upper bound on Python.
_CONSTRAINTS = "backports-strenum<1.3; python_version >= '3.11'\n"
_TAGS = tuple(f"cp{python.replace('.', '')}" for python in PYTHONS)
_HEAD = """\
# {name}: exact versions and hashes of {what}, for Linux on x86_64 and aarch64, CPython 3.10 to 3.13.
#   pip install --require-hashes --only-binary :all: -r {name}.txt
#   pip install --no-deps corrosion-edge-node
# Written by: python -m tests.support.lock_files
"""
_WHAT = {
    "robot": "the robot's packages with signed commands",
    "room": "the control room's packages with signed commands",
}


def list_environments() -> list[dict[str, str]]:
    """Return each Python on each machine, as markers see it."""
    return [
        {
            "python_version": python,
            "python_full_version": f"{python}.9",
            "platform_machine": machine,
            "sys_platform": "linux",
            "platform_system": "Linux",
            "os_name": "posix",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "extra": "",
        }
        for python in PYTHONS
        for machine in MACHINES
    ]


def list_requirements(name: str) -> list[Requirement]:
    """Return what ``pyproject.toml`` asks for, for a lock file; 32-bit Arm's own lines are left out."""
    project: dict[str, Any] = msgspec.toml.decode((ROOT / "pyproject.toml").read_bytes())["project"]
    lines = list(project["dependencies"])
    for extra in EXTRAS[name]:
        lines += project["optional-dependencies"][extra]
    found = [Requirement(line) for line in lines]
    return [one for one in found if one.marker is None or any(map(one.marker.evaluate, list_environments()))]


def read_lock(name: str) -> list[tuple[Requirement, list[str]]]:
    """Return the requirements of a lock file, each with its hashes."""
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n", " ", text).splitlines()
    entries = [line for line in lines if line.strip() and not line.startswith("#")]
    return [(Requirement(line.split(" --hash=")[0]), re.findall(r"--hash=(\S+)", line)) for line in entries]


def main() -> int:
    """Resolve and write."""
    FOLDER.mkdir(exist_ok=True)
    for name in EXTRAS:
        places: dict[tuple[str, str], set[tuple[str, str]]] = {}
        hashes: dict[tuple[str, str], set[str]] = {}
        for python in PYTHONS:
            for machine in MACHINES:
                for package in _resolve(name, python, machine):
                    key = package["name"], package["version"]
                    places.setdefault(key, set()).add((python, machine))
                    wheels = [wheel for wheel in package["wheels"] if _fits(wheel)]
                    hashes.setdefault(key, set()).update(wheel["hashes"]["sha256"] for wheel in wheels)
        lines = [_HEAD.format(name=name, what=_WHAT[name])]
        for key in sorted(places):
            entry = f"{key[0]}=={key[1]}{_describe(places[key])}"
            told = [f"    --hash=sha256:{one}" for one in sorted(hashes[key])]
            lines.append(" \\\n".join([entry, *told]) + "\n")
        (FOLDER / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
        print(f"{name}: {len(places)} packages")
    return 0


def _resolve(name: str, python: str, machine: str) -> list[dict[str, Any]]:
    """Return the packages that uv chooses for one Python on one machine."""
    with tempfile.TemporaryDirectory() as folder:
        wanted, found = Path(folder) / "wanted.in", Path(folder) / "pylock.toml"
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text(_CONSTRAINTS, encoding="utf-8")
        wanted.write_text("".join(f"{one}\n" for one in list_requirements(name)), encoding="utf-8")
        where = ["--python-version", python, "--python-platform", f"{machine}-manylinux_2_28"]
        command = ["uv", "pip", "compile", "--quiet", "--format", "pylock.toml", *where]
        command += ["--constraint", str(constraints), str(wanted), "-o", str(found)]
        subprocess.run(command, check=True)
        packages: list[dict[str, Any]] = msgspec.toml.decode(found.read_bytes())["packages"]
        return packages


def _describe(places: set[tuple[str, str]]) -> str:
    """Return the marker of a package that is wanted on some Pythons and machines; "" if on all."""
    conditions = []
    for python in PYTHONS:
        machines = [machine for machine in MACHINES if (python, machine) in places]
        if machines:
            condition = f"python_version == '{python}'"
            if len(machines) < len(MACHINES):
                condition = f"({condition} and platform_machine == '{machines[0]}')"
            conditions.append(condition)
    return "" if len(places) == len(PYTHONS) * len(MACHINES) else f" ; {' or '.join(conditions)}"


def _fits(wheel: dict[str, Any]) -> bool:
    """Tell whether a wheel is for one of our Pythons and machines."""
    name = wheel.get("name") or wheel["url"].rpartition("/")[2]
    python, abi, platform = name.removesuffix(".whl").split("-")[-3:]
    if platform == "any":
        return True
    if "linux" not in platform or "musllinux" in platform or not platform.endswith(MACHINES):
        return False
    return abi == "abi3" or (any(tag in _TAGS for tag in python.split(".")) and not abi.endswith("t"))


if __name__ == "__main__":
    sys.exit(main())
