"""Does aarch64 say what x86-64 says? The base install in an emulated Debian, on real pictures.

    python -m tests.endurance.arm64 PICTURES [--count 50] [--root .arm64]

Makes a Debian arm64 root without an Arm machine (debootstrap, qemu-user; both Debian packages), puts the
wheels of the base install for aarch64 in it, runs `edge-node classify` there and here on the same pictures,
and compares outcome and every stage's label. Then resolves the base install for each Python and both
machines, as pip would there. Exit code 1 if a label differs or a wheel is missing. The root is kept and used
again. Correctness only: an emulated processor says nothing of speed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec

from edge_node.camera.picture import PICTURE_SUFFIXES
from edge_node.messages.verdict import PictureVerdict

PROJECT = Path(__file__).resolve().parents[2]
SUITE, PYTHON = "bookworm", "3.11"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
GLIBC_TAGS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
# A processor as in a Raspberry Pi 4; qemu's default has extensions that none has.
EMULATED_CPU = "cortex-a72"


def main() -> int:
    """Compare, then resolve."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path, help="folder with photographs, searched to its depths")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--root", type=Path, default=PROJECT / ".arm64", help="made if it is not there")
    args = parser.parse_args()
    found = sorted(path for path in args.pictures.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    if not found:
        parser.error(f"{args.pictures}: no pictures in it")
    pictures = [found[index * len(found) // args.count] for index in range(min(args.count, len(found)))]
    root = args.root.resolve()
    if not (root / "usr/bin/python3").exists():
        make_root(root)
    site = install(root)
    here = classify([sys.executable], os.environ | {"PYTHONPATH": str(PROJECT)}, pictures)
    python = next((root / "usr/bin").glob("python3.*[0-9]"))
    emulated = ["qemu-aarch64-static", "-cpu", EMULATED_CPU, "-L", str(root), str(python)]
    print(f"aarch64: {len(pictures)} pictures, some seconds each ...", flush=True)
    there = classify(emulated, {"PYTHONPATH": str(site), "HOME": "/tmp"}, pictures)  # noqa: S108  nothing is written
    differ = compare(here, there)
    missing = sum(resolve(python, machine) for python in PYTHONS for machine in ("aarch64", "x86_64"))
    return 1 if differ or missing or len(there) != len(pictures) else 0


def make_root(root: Path) -> None:
    """Unpack a minimal Debian for arm64 with Python; nothing of it is run."""
    print(f"making {root} ...", flush=True)
    options = ["--arch=arm64", "--foreign", "--variant=minbase", "--include=python3"]
    subprocess.run(["debootstrap", *options, SUITE, str(root)], check=True, stdout=subprocess.DEVNULL)
    for package in sorted((root / "var/cache/apt/archives").glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(package), str(root)], check=True)


def install(root: Path) -> Path:
    """Return the folder with the project's wheel and all that its base install needs on aarch64."""
    wheels, site = root / "wheels", root / "site"
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", str(wheels), str(PROJECT)], check=True)
    subprocess.run([*pip, "download", *wanted(PYTHON, "aarch64"), "-d", str(wheels)], check=True)
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    return site


def wanted(python: str, machine: str) -> list[str]:
    """Return pip's arguments for the wheels of the base install on another machine."""
    project = msgspec.toml.decode((PROJECT / "pyproject.toml").read_bytes())["project"]
    platforms = [f"--platform={tag}_{machine}" for tag in GLIBC_TAGS]
    # pip judges markers by the machine that it runs on.
    here = [
        line.split(";")[0].strip()
        for line in project["dependencies"]
        if "armv7l" not in line.replace("!= 'armv7l'", "")
        and (python == "3.10" or "python_version < '3.11'" not in line)
    ]
    return ["--only-binary=:all:", *platforms, f"--python-version={python}", "--implementation=cp", *here]


def classify(python: list[str], environment: dict[str, str], pictures: list[Path]) -> list[PictureVerdict]:
    """Return what ``edge-node classify`` says, a verdict a picture."""
    command = [*python, "-m", "edge_node.cli", "classify", *map(str, pictures)]
    run = subprocess.run(command, env=environment, cwd="/", stdout=subprocess.PIPE, check=False)
    if not run.stdout:
        raise SystemExit(f"{' '.join(python)}: no verdict, exit code {run.returncode}")
    return [msgspec.json.decode(line, type=PictureVerdict) for line in run.stdout.splitlines()]


def compare(here: list[PictureVerdict], there: list[PictureVerdict]) -> int:
    """Print which labels differ and by how much probabilities do; return how many pictures do."""
    differ, worst = 0, 0.0
    for mine, other in zip(here, there, strict=True):
        said = [[(stage.name, stage.label) for stage in verdict.stages] for verdict in (mine, other)]
        if (mine.outcome, said[0]) != (other.outcome, said[1]):
            differ += 1
            print(f"{mine.source}: {mine.outcome.value} {said[0]}, aarch64 {other.outcome.value} {said[1]}")
        for one, two in zip(mine.stages, other.stages, strict=False):
            if one.name == two.name:
                worst = max(
                    worst,
                    *(abs(one.probabilities[name] - two.probabilities[name]) for name in one.probabilities),
                )
    print(
        f"{len(here)} pictures, {differ} with another label on aarch64;"
        f" largest difference of a probability {worst:.4f}"
    )
    return differ


def resolve(python: str, machine: str) -> int:
    """Print whether every wheel of the base install is there; return 1 if not."""
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "install", "--dry-run"]
    target = ["--ignore-installed", "--target=/nonexistent"]
    run = subprocess.run(
        [*pip, *target, *wanted(python, machine)], capture_output=True, text=True, check=False
    )
    why = "" if run.returncode == 0 else f": {run.stderr.strip().splitlines()[-1]}"
    print(f"Python {python} on {machine}: {'resolves' if run.returncode == 0 else 'does not resolve'}{why}")
    return int(run.returncode != 0)


if __name__ == "__main__":
    raise SystemExit(main())
