"""The short form of the fuzz run."""

from __future__ import annotations

import random
import subprocess
import sys

from tests.endurance.fuzz import fuzz_commands


def test_a_few_thousand_payloads_and_packets_end_well() -> None:
    """As the long run: an answer to each, none slow, no memory kept."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.endurance.fuzz", "--commands", "20000", "--connections", "200"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_mutations_reach_beyond_the_parser() -> None:
    """A fuzzer whose every payload is refused by the first check tests only that check."""
    codes, _ = fuzz_commands(random.Random(3), 5000)  # noqa: S311  mutations, not secrets
    assert {"taken", "not_json", "schema", "duplicate_key", "too_large"} <= set(codes)
    assert codes["taken"] > 50
