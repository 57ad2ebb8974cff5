"""Measures what the node costs beside a plain script of LiteRT, OpenCV and paho on the same frames, in turns.

Each round runs both, each as a process of its own, on the same clip (MJPEG, 640 x 480 px, 250 frames)
against the same mosquitto with the default bundle: as fast as they can and at 10 frames/s, first with the
machine as it is, then with other processes that compute. All figures are read from outside, over the same
seconds. The script has no inspectability, no map, no evidence and no spool.

    python -m tests.benchmarks.plain_script [--rounds 3] [--seconds 15] [--fps 0 10] [--busy 0 4]

`--script FILE` runs another script in the place of `minimal_script.py`; it gets the same arguments and
publishes on `plain/verdict`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import cv2

from edge_node.config.sections import example_config
from edge_node.demo.run import CLIP
from tests.support.process_figures import ProcessFigures, ThreadFigures, process_figures
from tests.support.processes import Mosquitto, installed_environment, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

BUNDLE = Path(__file__).parents[2] / "edge_node" / "default_bundle"
SCRIPT = Path(__file__).with_name("minimal_script.py")
FRAMES = 250
JPEG_QUALITY = 90
# After the first verdict, before anything is measured: by then the node has returned the memory of its start.
WARM_S = 8.0
ROWS = (
    ("verdicts/s", "rate"),
    ("CPU per verdict [ms]", "cpu_ms"),
    ("written per verdict [kB]", "written_kb"),
    ("MQTT payload per verdict [B]", "payload_bytes"),
    ("resident memory [MB]", "rss_mb"),
    ("... its share of what is shared (PSS) [MB]", "pss_mb"),
    ("... at most [MB]", "peak_mb"),
    ("start to first verdict [s]", "first_s"),
    ("CPU until then [s]", "first_cpu_s"),
)


@dataclass(frozen=True)
class Run:
    """The figures of one run of one program."""

    rate: float
    cpu_ms: float
    written_kb: float
    payload_bytes: float
    rss_mb: float
    pss_mb: float
    peak_mb: float
    first_s: float
    first_cpu_s: float
    threads: dict[str, ThreadFigures]


@dataclass(frozen=True)
class Place:
    """Where everything runs: folder, clip, the broker's port, and what arrives at its subscriber."""

    folder: Path
    clip: Path
    port: int
    arrivals: Arrivals


def main() -> int:
    """Print a table for each pace and load, and write all figures if asked to."""
    args = arguments()
    found: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(dir=args.folder) as name, ExitStack() as closing:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        closing.callback(broker.kill)
        arrivals = closing.enter_context(Arrivals.of(folder / "arrivals", broker.port))
        place = Place(folder, make_clip(folder / "clip.avi"), broker.port, arrivals)
        for busy in args.busy:
            for fps in args.fps:
                with busy_processes(busy):
                    runs = measure_in_turns(args, place, fps)
                print_table(title(fps, busy, args.rounds), runs)
                each = {who: [asdict(run) for run in some] for who, some in runs.items()}
                found.append({"fps": fps, "busy": busy, **each})
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--rounds", type=int, default=3)
    add("--seconds", type=float, default=15.0, help="how long each run is measured")
    add("--fps", type=float, nargs="+", default=[0.0, 10.0], help="paces; 0: as fast as it can")
    cores = os.cpu_count() or 1
    add("--busy", type=int, nargs="+", default=[0, 2 * cores], help="so many other processes compute")
    add("--script", type=Path, default=SCRIPT, help="another script to measure against")
    add("--evidence", choices=("on", "off"), default="on", help="whether the node keeps pictures")
    add("--folder", type=Path, help="on the disk to be measured; default: the temporary folder")
    add("--json", type=Path, metavar="FILE", help="write the figures of every run")
    return parser.parse_args()


def measure_in_turns(args: argparse.Namespace, place: Place, fps: float) -> dict[str, list[Run]]:
    """Run the script, then the node, in each round, and once before."""
    runs: dict[str, list[Run]] = {"script": [], "node": []}
    values = [str(BUNDLE), str(place.clip), str(place.port), f"{fps:g}", "86400"]
    script = [sys.executable, str(args.script.resolve()), *values]
    for number in range(args.rounds + 1):
        seconds = args.seconds if number else 1.0  # the first start compiles modules: not counted
        of_script = measure(script, "plain/", place.arrivals, seconds)
        node = node_command(place, fps, evidence=args.evidence)
        of_node = measure(node, "corrosion/", place.arrivals, seconds)
        if number:
            runs["script"].append(of_script)
            runs["node"].append(of_node)
    return runs


def title(fps: float, busy: int, rounds: int) -> str:
    """Name a pace and a load, as far as it is known."""
    pace = f"{fps:g} frames/s" if fps else "as fast as it can"
    load = f"{busy} busy processes beside it" if busy else "no load of ours"
    return f"{pace}, {load}, load average {os.getloadavg()[0]:.1f}, {rounds} rounds"


def make_clip(path: Path) -> Path:
    """Write the demonstration's clip as motion JPEG, as a camera of robots sends it."""
    source, pictures = cv2.VideoCapture(str(CLIP)), 0
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_OPENCV_MJPEG, cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (640, 480)
    )
    writer.set(cv2.VIDEOWRITER_PROP_QUALITY, JPEG_QUALITY)
    while pictures < FRAMES:
        has_frame, frame = source.read()
        if not has_frame:
            break
        writer.write(frame)
        pictures += 1
    writer.release()
    return path


def node_command(place: Place, fps: float, *, evidence: str) -> list[str]:
    """Configure a node of its own state on the clip, and return how to run it."""
    folder = Path(tempfile.mkdtemp(dir=place.folder))
    camera = {"source": str(place.clip), "loop": True, **({"fps": fps} if fps else {"pace": "fast"})}
    config = folder / "node.toml"
    text = example_config(
        node={"site": "quay", "robot": "r-1", "state_dir": str(folder / "state")},
        camera=camera,
        bundle={"path": "default"},
        mqtt={"hostname": "127.0.0.1", "port": place.port},
        evidence={"keep": evidence == "on"},
    )
    config.write_text(text, encoding="utf-8")
    run = ["run", "--config", str(config), "--log-level", "error"]
    return [sys.executable, "-m", "tests.support.named_threads", *run]


class Arrivals:
    """When and on which topic messages arrived, and how large they were, as mosquitto_sub wrote it down."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    @contextmanager
    def of(cls, path: Path, port: int) -> Iterator[Arrivals]:
        """Subscribe to everything."""
        options = ["-V", "5", "-q", "1", "-p", str(port), "-t", "#", "-F", "%U %t %l"]
        with path.open("wb") as file, subprocess.Popen(["mosquitto_sub", *options], stdout=file) as process:
            yield cls(path)
            process.terminate()

    def since(self, begin_s: float, prefix: str) -> list[tuple[float, str, int]]:
        """Return Unix time, topic and payload bytes of what came since ``begin_s`` below a topic."""
        found = []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            at_s, _, rest = line.partition(" ")
            topic, _, size = rest.rpartition(" ")
            if size.isdigit() and topic.startswith(prefix) and float(at_s) >= begin_s:
                found.append((float(at_s), topic, int(size)))
        return found


def measure(command: list[str], prefix: str, arrivals: Arrivals, seconds: float) -> Run:
    """Run a program until it has been measured for ``seconds``, then stop it."""
    started_s = time.time()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=installed_environment())
    try:
        wait_for(lambda: verdicts(arrivals.since(started_s, prefix)) or process.poll() is not None, 120)
        if process.poll() is not None:
            raise SystemExit(f"ended with code {process.returncode}: {' '.join(command)}")
        first_cpu_s = process_figures(process.pid).cpu_s
        first_s = verdicts(arrivals.since(started_s, prefix))[0][0] - started_s
        time.sleep(WARM_S)
        before, begin_s = process_figures(process.pid), time.time()
        time.sleep(seconds)
        after, end_s = process_figures(process.pid), time.time()
    finally:
        process.terminate()
        process.wait()
    came = [one for one in arrivals.since(begin_s, prefix) if one[0] <= end_s]
    count = len(verdicts(came))
    if not count:
        raise SystemExit(f"no verdict within {seconds:g} s: {' '.join(command)}")
    return figures(
        before, after, count, sum(size for _, _, size in came), (end_s - begin_s, first_s, first_cpu_s)
    )


def verdicts(came: list[tuple[float, str, int]]) -> list[tuple[float, str, int]]:
    """Return what came on topics of verdicts."""
    return [one for one in came if one[1].endswith("/verdict")]


def figures(
    before: ProcessFigures,
    after: ProcessFigures,
    count: int,
    payload_bytes: int,
    times: tuple[float, float, float],
) -> Run:
    """Divide what was used between two moments by the verdicts that came in between."""
    seconds, first_s, first_cpu_s = times
    none = ThreadFigures()
    return Run(
        rate=count / seconds,
        cpu_ms=1e3 * (after.cpu_s - before.cpu_s) / count,
        written_kb=(after.written_bytes - before.written_bytes) / 1e3 / count,
        payload_bytes=payload_bytes / count,
        rss_mb=after.rss_mb,
        pss_mb=after.pss_mb,
        peak_mb=after.peak_mb,
        first_s=first_s,
        first_cpu_s=first_cpu_s,
        threads={
            name: some.since(before.threads.get(name, none), count) for name, some in after.threads.items()
        },
    )


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Have so many processes compute, at our own priority, until the end."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def print_table(title: str, runs: dict[str, list[Run]]) -> None:
    """Print medians, and the median of the ratios round by round."""
    script, node = runs["script"], runs["node"]
    print(f"\n{title}: medians, and the median of the rounds' ratios")
    print(f"{'':<44}{'script':>10}{'node':>10}{'ratio':>8}")
    for text, name in ROWS:
        ours, theirs = [getattr(run, name) for run in node], [getattr(run, name) for run in script]
        ratios = [one / other for one, other in zip(ours, theirs, strict=True) if other]
        ratio = f"{median(ratios):8.2f}" if ratios else f"{'-':>8}"
        print(f"{text:<44}{median(theirs):10.2f}{median(ours):10.2f}{ratio}")
    for who, some in runs.items():
        print(f"{who}, per verdict and thread: CPU [ms], waiting for a processor [ms], waits for others")
        names = sorted({name for run in some for name in run.threads}, key=lambda name: -_cpu(some, name))
        for name in names:
            of_all = [run.threads.get(name, ThreadFigures()) for run in some]
            if (cpu_ms := _cpu(some, name)) >= 0.005:
                waited, waits = median(one.waited_ms for one in of_all), median(one.waits for one in of_all)
                print(f"    {name:<20}{cpu_ms:8.2f}{waited:10.2f}{waits:8.1f}")


def _cpu(runs: list[Run], name: str) -> float:
    return median(run.threads.get(name, ThreadFigures()).cpu_ms for run in runs)


if __name__ == "__main__":
    raise SystemExit(main())
