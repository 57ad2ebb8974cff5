"""Runs the README's demo and quick starts word for word in a clean Debian root, each as a new user.

    apt-get install debootstrap mosquitto
    python -m tests.endurance.quick_starts [--roots /tmp/roots] [--suite bookworm] [--only operator]

Needs root, a network, and the ports 1883 and 8430. For each quick start a new user copies the working tree
and runs every line as it stands; a command that goes on until Ctrl-C gets its SIGINT after some seconds.
`broker.example` is a mosquitto of this machine. The unit that `edge-node install` wrote is run by its
ExecStart, because no systemd runs in a root. While the control room runs, a robot of this machine judges
the demo's clip.

Prints the time of each line, and for each quick start its time, the megabytes that pip downloaded, and
those on the disk.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_node.config.sections import example_config
from tests.endurance.debian_roots import (
    CLONE,
    REPOSITORY,
    USER,
    Root,
    prepare_root,
    run_unit,
    shell_start,
)
from tests.support.processes import Mosquitto

if TYPE_CHECKING:
    from collections.abc import Iterator

STARTS = {  # what stands above the block of each, in README
    "demo": "**See it**",
    "engineer": "**Engineer:",
    "operator": "**Operator:",
    "control room": "**Control room:",
}
ENDLESS = {  # what goes on until Ctrl-C: after how many seconds it comes, and what must be said by then
    "edge-node run": (15, "SIGINT: stopping"),
    "edge-node control-room --broker": (60, "http://127.0.0.1:8430"),
    ".venv/bin/edge-node control-room --demo": (60, "control room: http://"),
}
BROKER, BROKER_PORT = "broker.example", 1883


class Cost(NamedTuple):
    """What a quick start took; the seconds are without those that a command ran until its Ctrl-C."""

    name: str
    lines: int
    seconds: float
    downloaded_mb: float
    on_disk_mb: float


def main() -> int:
    """Run the quick starts in each root, and print what each took; 1 if anything failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--roots", type=Path, default=Path("/tmp/roots"))  # noqa: S108  # may be deleted
    parser.add_argument("--suite", action="append", help="bookworm if none is given")
    parser.add_argument("--only", action="append", choices=STARTS, help="all if none is given")
    parser.add_argument("--mirror", default="http://deb.debian.org/debian")
    args = parser.parse_args()
    if os.geteuid() != 0:
        print("needs root: it makes roots and changes into them", file=sys.stderr)
        return 2
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    failures, costs = [], []
    for suite in args.suite or ["bookworm"]:
        root = Root(args.roots / suite)
        for name in args.only or STARTS:
            print(f"== {suite}: {name}")
            prepare_root(root, suite, args.mirror)
            with _surroundings(root, with_robot=name == "control room"):
                costs.append(_run(root, f"{suite}: {name}", quick_start_lines(readme, name)))
            if name == "operator":
                run_unit(root)
        failures += [f"{suite}: {failure}" for failure in root.failures]
    print("\n| quick start | lines | time | downloaded | on the disk |\n| --- | ---: | ---: | ---: | ---: |")
    for cost in costs:
        print(
            f"| {cost.name} | {cost.lines} | {cost.seconds:.0f} s | {cost.downloaded_mb:.0f} MB |"
            f" {cost.on_disk_mb:.0f} MB |"
        )
    print("\n".join(failures) or "every line ran")
    return 1 if failures else 0


def quick_start_lines(readme: str, name: str) -> list[str]:
    """Return the lines of a quick start: those of the first block below its bold words."""
    block = re.search(r"```sh\n(.*?)```", readme.partition(f"\n{STARTS[name]}")[2], flags=re.DOTALL)
    return block[1].splitlines() if block else []


def ended_by_signal(line: str) -> tuple[str, str, int]:
    """Return ``line``, with a SIGINT for what would never end; what that must say, and its seconds."""
    *before, last = line.partition("  #")[0].rstrip().split(" && ")
    for beginning, (seconds, wanted) in ENDLESS.items():
        if last.startswith(beginning):
            return " && ".join([*before, f"timeout --signal=INT {seconds} {last}"]), wanted, seconds
    return line, "", 0


def _run(root: Root, name: str, lines: list[str]) -> Cost:
    """Run the lines, a shell for each, in the folder and the virtual environment of those before."""
    begin, seconds, downloaded = shell_start(), 0.0, 0.0
    for line in lines:
        if "systemctl" in line:
            print(f"--             {line}   (no systemd runs here)")
            continue
        began_s = time.monotonic()
        ended, wanted, waited_s = ended_by_signal(line)
        said = root.step(ended, begin=begin, user=USER, wanted=(0, 124, 130) if wanted else (0,))
        if wanted not in said:
            root.failures.append(f"{line}: did not say {wanted!r}\n{said[-2000:]}")
        downloaded += downloaded_mb(said)
        seconds += time.monotonic() - began_s - waited_s
        if activate := re.search(r"\. \.venv/bin/activate", line):  # goes on in every later shell
            begin += f"{activate.group()}; "
    environment = root.path / CLONE.lstrip("/") / ".venv"
    files = (path for path in environment.rglob("*") if path.is_file() and not path.is_symlink())
    return Cost(name, len(lines), seconds, downloaded, sum(file.stat().st_size for file in files) / 1_000_000)


def downloaded_mb(said: str) -> float:
    """Return the megabytes of the files that pip says it downloads."""
    sizes = re.findall(r"^ *Downloading \S+ \(([\d.]+) (bytes|kB|MB)\)", said, flags=re.MULTILINE)
    return sum(float(size) * {"bytes": 1e-6, "kB": 1e-3, "MB": 1.0}[unit] for size, unit in sizes)


@contextmanager
def _surroundings(root: Root, *, with_robot: bool) -> Iterator[None]:
    """Start the broker that the lines name and, if wanted, a robot that sends to it."""
    hosts = f"127.0.0.1 localhost {BROKER} {platform.node()}\n"  # sudo looks for the last
    (root.path / "etc/hosts").write_text(hosts, encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        broker = Mosquitto(Path(name), port=BROKER_PORT)
        broker.start()
        robot = _start_robot(Path(name)) if with_robot else None
        try:
            yield
        finally:
            if robot is not None:
                robot.terminate()
                robot.wait()
            broker.kill()


def _start_robot(folder: Path) -> subprocess.Popen[bytes]:
    """Start the robot of the operator's quick start, with the demo's clip as its camera."""
    config = folder / "node.toml"
    config.write_text(
        example_config(
            node={
                "site": "quay",
                "robot": "crawler-1",
                "asset": "pipe 7",
                "state_dir": str(folder / "state"),
            },
            camera={"source": str(REPOSITORY / "edge_node/demo/inspection.mp4"), "loop": True},
            bundle={"path": "default"},
            mqtt={"hostname": "127.0.0.1", "port": BROKER_PORT},
        ),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "edge_node.cli", "run", "--config", str(config)]
    with (folder / "robot.log").open("wb") as log:
        return subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=subprocess.STDOUT)


if __name__ == "__main__":
    sys.exit(main())
