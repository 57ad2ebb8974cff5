"""Run ``edge-node bench``: measure the node against the bare interpreter on the same frames.

The parts take turns in short rounds, so that other load on the machine affects all of them alike:

- *interpreter*: the models on the cascade's path, on tensors that were made before;
- *preprocess*, *gate*, *judge*: resizing and scaling; the inspectability gate; everything from the pixels
  to the decision;
- *node*: the daemon's own main loop with a capture thread that hands over raw frames, the spool on disk
  and, with ``--broker``, the publisher.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import resource
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
import numpy as np

from edge_node.bench.node_run import NodeRun, run_node
from edge_node.camera.backends.recording import iter_video
from edge_node.camera.media_kind import MediaKind, media_kind
from edge_node.camera.picture import read_picture
from edge_node.camera.source import recording_path
from edge_node.errors import CameraError, ConfigError
from edge_node.inference.bundle import load_bundle, resolve_bundle_path
from edge_node.inference.engine import Engine
from edge_node.inference.interpreter import runtime
from edge_node.inference.manifest import Resize
from edge_node.inference.preprocess import input_tensor
from edge_node.inference.resize import resize
from edge_node.inspection.inspectability import Thresholds, inspect
from edge_node.messages.plain_text import counted
from edge_node.monitoring.machine import memory_mb, temperature_c
from edge_node.monitoring.status_board import THERMAL_ZONES
from edge_node.mqtt.endpoint import host_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

_Item = TypeVar("_Item")

DEFAULT_CLIP = Path(__file__).parents[1] / "demo" / "inspection.mp4"
MAX_FRAMES = 60  # held decoded: 55 MB at 640 x 480
ROUND_S = 0.5  # of each part, in turn
MAX_S = 86_400.0
GOOD_SHARE = 0.6  # of the default bundle on two x86-64 cores: 0.7
DEFAULT_S = 40.0  # some sixteen rounds of five parts
PACED_SHARE = 0.1  # of the time, for the latency of a camera that is a little slower than the node
WARM_UP = 5


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Percentiles and mean of one part's time for one frame, in ms."""

    p50: float
    p95: float
    p99: float
    mean: float


class ThreadsResult(msgspec.Struct, frozen=True, kw_only=True):
    """The measurements of one bundle at one number of threads.

    ``throughput_ratio`` is the node's frames per second over the bare interpreter's, from medians, because
    other load on the machine distorts means. ``mean_ratio`` is the same from means, and ``cpu_ratio`` from
    the processor time of the whole process, which other load distorts least. ``latency_ms`` is from capture
    to the spool, with a camera a little slower than the node.
    """

    bundle: str
    threads: int
    interpreter_ms: Spread
    preprocess_ms: Spread
    gate_ms: Spread
    judge_ms: Spread
    node_ms: Spread
    interpreter_fps: float
    node_fps: float
    throughput_ratio: float
    mean_ratio: float
    cpu_ratio: float
    latency_ms: Spread
    verdicts: int
    cpu_s_per_verdict: float


class BenchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The whole run, as ``--json`` prints it."""

    runtime: str
    machine: str
    cores: int
    frame: tuple[int, int]
    frames: int
    seconds: float
    published: bool
    memory_mb: float | None
    peak_memory_mb: float
    temperature_c: float | None
    results: tuple[ThreadsResult, ...]


@dataclass(frozen=True, slots=True)
class _Settings:
    """Frames, duration and broker, the same for every bundle and number of threads."""

    frames: list[NDArray[np.uint8]]
    seconds: float
    broker: tuple[str, int] | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edge-node bench``."""
    parser.add_argument("--bundle", default="default", help="bundle folder (default: the one in the package)")
    parser.add_argument("--against", metavar="BUNDLE", help="measure another bundle too, on the same frames")
    parser.add_argument(
        "--source",
        type=Path,
        default=DEFAULT_CLIP,
        help="frames: a video, a picture or a folder (default: the demo's clip)",
    )
    parser.add_argument(
        "--threads", default="1", help="numbers of threads of the TFLite runtime, like 1,2,4 (default: 1)"
    )
    parser.add_argument(
        "--seconds",
        type=parse_seconds,
        default=DEFAULT_S,
        help="duration for each bundle and number of threads, without loading (default: %(default)g)",
    )
    parser.add_argument("--size", default="640x480", help="frames in pixels, or `as-is` (default: 640x480)")
    parser.add_argument("--broker", metavar="HOST:PORT", help="publish too, to a broker without a password")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.epilog = (
        "All figures depend on how busy this machine is now: compare shares, not milliseconds.\n"
        "The last line of a table is the result: the models' share of a verdict's processor time."
    )


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    frames = _load_frames(args.source, args.size)
    settings = _Settings(frames, args.seconds, _parse_broker(args.broker))
    results = [
        _measure(name, threads, settings)
        for name in filter(None, (args.bundle, args.against))
        for threads in _parse_threads(args.threads)
    ]
    found = runtime()
    result = BenchResult(
        runtime=f"{found.name} {found.version}",
        machine=f"{platform.machine()}, Python {platform.python_version()}",
        cores=os.cpu_count() or 1,
        frame=(frames[0].shape[1], frames[0].shape[0]),
        frames=len(frames),
        seconds=settings.seconds,
        published=settings.broker is not None,
        memory_mb=memory_mb(),
        peak_memory_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        temperature_c=temperature_c(THERMAL_ZONES),
        results=tuple(results),
    )
    print(msgspec.json.encode(result).decode() if args.json else _format_table(result))
    return 0


def _measure(bundle: str, threads: int, settings: _Settings) -> ThreadsResult:
    """Measure one bundle at one number of threads, all parts in turn."""
    engine = Engine(load_bundle(resolve_bundle_path(bundle)), threads=threads)
    parts = _make_parts(engine, settings.frames)
    samples: dict[str, list[float]] = {name: [] for name in parts}
    runs: list[NodeRun] = []
    interpreter_cpu_s = 0.0
    rounds, paced_s = 0, max(ROUND_S, PACED_SHARE * settings.seconds)
    end_s = time.monotonic() + settings.seconds - paced_s
    with tempfile.TemporaryDirectory(prefix="edge-node-bench-") as folder:
        # Half a round more or less: the time asked for is kept to that.
        while not rounds or time.monotonic() < end_s - ROUND_S * len(parts) / 2:
            rounds += 1
            for name, part in parts.items():
                cpu_s = time.process_time()
                samples[name] += _time_part(part, len(settings.frames))
                if name == "interpreter":
                    interpreter_cpu_s += time.process_time() - cpu_s
            state = Path(folder) / str(rounds)
            runs.append(
                run_node(engine, settings.frames, state, seconds=ROUND_S, fps=None, broker=settings.broker)
            )
        steady_fps = 0.7 * sum(run.verdicts for run in runs) / sum(run.wall_s for run in runs)
        paced = run_node(
            engine,
            settings.frames,
            Path(folder) / "paced",
            seconds=paced_s,
            fps=steady_fps,
            broker=settings.broker,
        )
    # The processor time includes the warm-up of each round, so its calls count too.
    interpreter_cpu_s /= len(samples["interpreter"]) + rounds * WARM_UP
    return _result(engine, threads, samples, runs, paced, interpreter_cpu_s=interpreter_cpu_s)


def _result(  # noqa: PLR0913  # the parts of one measurement
    engine: Engine,
    threads: int,
    samples: dict[str, list[float]],
    runs: list[NodeRun],
    paced: NodeRun,
    *,
    interpreter_cpu_s: float,
) -> ThreadsResult:
    manifest = engine.bundle.manifest
    interpreter = _summarize(samples["interpreter"])
    node = _summarize([value for run in runs for value in run.between_ms])
    verdicts = sum(run.verdicts for run in runs)
    cpu_s_per_verdict = sum(run.cpu_s for run in runs) / max(verdicts, 1)
    return ThreadsResult(
        bundle=f"{manifest.name}-{manifest.version}",
        threads=threads,
        interpreter_ms=interpreter,
        preprocess_ms=_summarize(samples["preprocess"]),
        gate_ms=_summarize(samples["gate"]),
        judge_ms=_summarize(samples["judge"]),
        node_ms=node,
        interpreter_fps=round(1000 / interpreter.p50, 2),
        node_fps=round(1000 / node.p50, 2),
        throughput_ratio=round(interpreter.p50 / node.p50, 4),
        mean_ratio=round(interpreter.mean / node.mean, 4),
        latency_ms=_summarize(paced.latency_ms),
        verdicts=verdicts,
        cpu_ratio=round(interpreter_cpu_s / max(cpu_s_per_verdict, 1e-9), 4),
        cpu_s_per_verdict=round(cpu_s_per_verdict, 5),
    )


def _make_parts(engine: Engine, frames: list[NDArray[np.uint8]]) -> dict[str, Callable[[int], object]]:
    """Return by name a function that runs each part on the frame of a number."""
    paths = [_models_on_path(engine, frame) for frame in frames]
    manifest = engine.bundle.manifest
    specs = {model.file: model.input for model in manifest.models}
    tensors = [
        {file: input_tensor(frame, specs[file]) for file in path}
        for frame, path in zip(frames, paths, strict=True)
    ]
    thresholds = Thresholds()
    return {
        "interpreter": lambda number: [
            engine.interpreter(file).run(tensor) for file, tensor in tensors[number].items()
        ],
        "preprocess": lambda number: [
            input_tensor(frames[number], spec) for spec in {specs[file] for file in paths[number]}
        ],
        "gate": lambda number: inspect(frames[number], thresholds),
        "judge": lambda number: engine.judge(frames[number]),
    }


def _models_on_path(engine: Engine, frame: NDArray[np.uint8]) -> list[str]:
    """Return the models on the cascade's path for this frame, each once."""
    cascade = engine.bundle.manifest.cascade
    stages = engine.judge(frame).decision.stages
    return list(dict.fromkeys(cascade.stage(stage.name).model for stage in stages))


def _time_part(part: Callable[[int], object], frames: int) -> list[float]:
    """Call ``part`` for one round and return each call's time in ms, without the warm-up."""
    for number in range(WARM_UP):
        part(number % frames)
    found: list[float] = []
    end_s = time.perf_counter() + ROUND_S
    number = 0
    while (started_s := time.perf_counter()) < end_s or not found:
        part(number % frames)
        found.append((time.perf_counter() - started_s) * 1000)
        number += 1
    return found


def _summarize(values: list[float]) -> Spread:
    p50, p95, p99 = np.percentile(values, (50, 95, 99)) if values else (0.0, 0.0, 0.0)
    mean = sum(values) / max(len(values), 1)
    return Spread(
        p50=round(float(p50), 3), p95=round(float(p95), 3), p99=round(float(p99), 3), mean=round(mean, 3)
    )


def _load_frames(source: Path, size: str) -> list[NDArray[np.uint8]]:
    """Load up to ``MAX_FRAMES`` frames, spread over the source, scaled to ``size``."""
    recording_path(str(source))
    if source.is_dir():
        files = sorted(file for file in source.iterdir() if media_kind(file) is MediaKind.PICTURE)
        pictures = [read_picture(file) for file in _thin_out(files)]
    elif media_kind(source) is MediaKind.PICTURE:
        pictures = [read_picture(source)]
    else:
        pictures = _thin_out(list(_iter_readable(source)))
    if not pictures:
        raise CameraError(f"{source}: no pictures in it to measure with")
    if size == "as-is":
        return pictures
    width, _, height = size.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise ConfigError(f"--size {size}: wanted WIDTHxHEIGHT, like 640x480, or as-is")
    return [resize(picture, int(height), int(width), Resize.AREA) for picture in pictures]


def _iter_readable(video: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield what can be read of a video: the end of one that is cut off is not missed by a measurement."""
    pictures = iter_video(video)
    yield next(pictures)
    with suppress(CameraError):
        yield from pictures


def _thin_out(items: list[_Item]) -> list[_Item]:
    step = max(1, len(items) // MAX_FRAMES)
    return items[::step][:MAX_FRAMES]


def parse_seconds(text: str) -> float:
    """Return a duration in seconds, of at least one round.

    Raises:
        argparse.ArgumentTypeError: it is no number, or too small or large.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not ROUND_S <= seconds <= MAX_S:
        raise argparse.ArgumentTypeError(f"{text!r}: wanted {ROUND_S:g} to {MAX_S:g} seconds")
    return seconds


def _parse_threads(text: str) -> list[int]:
    numbers = [int(part) for part in text.split(",") if part.strip().isdigit()]
    if not numbers or min(numbers) < 1 or len(numbers) != len(text.split(",")):
        raise ConfigError(f"--threads {text}: wanted numbers from 1, like 1,2,4")
    return numbers


def _parse_broker(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not port.isdigit() or host_problems(host):
        raise ConfigError("--broker: wanted HOST:PORT, like 127.0.0.1:1883")
    return host, int(port)


def _format_table(result: BenchResult) -> str:
    width, height = result.frame
    fate = "spooled and published" if result.published else "spooled, not published"
    lines = [f"{result.runtime}, {result.machine}, {result.cores} cores"]
    lines.append(f"{counted(result.frames, 'frame')} of {width} x {height}; verdicts {fate}")
    for found in result.results:
        lines += ["", f"{found.bundle}, {found.threads} thread{'s' if found.threads > 1 else ''}"]
        lines.append(f"  {'':<24}{'p50':>9}{'p95':>9}{'p99':>9}{'mean':>9}  ms")
        for name, spread in (
            ("bare interpreter", found.interpreter_ms),
            ("preprocessing", found.preprocess_ms),
            ("inspectability gate", found.gate_ms),
            ("pixels to decision", found.judge_ms),
            ("whole node, per verdict", found.node_ms),
            ("capture to spool, paced", found.latency_ms),
        ):
            lines.append(f"  {name:<24}{spread.p50:9.2f}{spread.p95:9.2f}{spread.p99:9.2f}{spread.mean:9.2f}")
        lines += _result_lines(found)
    temperature = "" if result.temperature_c is None else f", {result.temperature_c:.0f} degrees C"
    lines += ["", f"this process: {result.memory_mb} MB, at most {result.peak_memory_mb} MB{temperature}"]
    return "\n".join(lines)


def _result_lines(found: ThreadsResult) -> list[str]:
    """Return what the figures come to: the rate, and what the node costs beside the models."""
    share = min(found.cpu_ratio, 1.0)
    rate = (
        f"  the node judges {found.node_fps:.1f} frames/s, the bare interpreter would"
        f" {found.interpreter_fps:.1f} ({found.throughput_ratio:.2f} times as many; more than once where the"
        " node prepares a frame while the models run)"
    )
    cost = (
        f"  result: of {found.cpu_s_per_verdict * 1000:.1f} ms of processor time per verdict {share:.0%} are"
        f" the models', {1 - share:.0%} the node's own; {GOOD_SHARE:.0%} or more for the models is good"
        f" ({counted(found.verdicts, 'verdict')})"
    )
    return [rate, cost]
