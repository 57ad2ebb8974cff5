"""The bench's figures fit together."""

from __future__ import annotations

import msgspec
import pytest

from edge_node.bench.report import BenchResult
from tests.support.processes import command
from tests.support.subcommands import command_here


@pytest.fixture(scope="module")
def result():
    """Return what a short run on the default bundle and clip gives as JSON."""
    found = command("edge_node.cli", "bench", "--seconds", "1", "--json")
    assert found.returncode == 0, found.stderr
    return msgspec.json.decode(found.stdout, type=BenchResult)


def test_every_part_is_measured(result):
    """The bare interpreter, pixels to decision, and what lies between: none of the figures is left empty."""
    found = result.results[0]
    parts = (found.interpreter_ms, found.judge_ms, found.preprocess_ms, found.gate_ms, found.latency_ms)
    assert min(part.p50 for part in parts) > 0
    assert found.cpu_s_per_verdict > 0
    assert found.verdicts > 0


@pytest.mark.runtime
def test_the_ratio_is_that_of_its_figures(result):
    """The ratio is node by interpreter, frames per second of the same run."""
    found = result.results[0]
    assert found.throughput_ratio == pytest.approx(found.node_fps / found.interpreter_fps, rel=0.01)
    assert result.frame == (640, 480)


def test_two_thread_counts_are_two_results():
    """Each number of threads is measured, and the table names it."""
    found = command("edge_node.cli", "bench", "--seconds", "0.5", "--threads", "1,2", "--size", "320x240")
    assert found.returncode == 0, found.stderr
    assert "1 thread\n" in found.stdout
    assert "2 threads\n" in found.stdout
    assert "320 x 240" in found.stdout
    assert found.stdout.count("  result: of ") == 2
    assert "60% or more for the models is good" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--threads", "0"], "--threads"),
        (["--seconds", "0"], "wanted 0.5 to 86400 seconds"),
        (["--size", "big"], "--size"),
        (["--broker", "nowhere"], "--broker"),
        (["--source", "/no/such/clip.mp4"], "no such file"),
        (["--bundle", "/no/such/bundle"], "bundle"),
    ],
)
def test_bad_input_is_one_sentence(arguments, words):
    """Each wrong argument is named in one line, with a non-zero exit."""
    found = command_here("edge_node.cli", "bench", *arguments)
    assert found.returncode != 0
    assert words in found.stderr
    errors = [line for line in found.stderr.splitlines() if "edge-node" in line and "usage" not in line]
    assert len(errors) == 1
