"""A short form of the kills during updates; the long one is ``tests.endurance.update_kill``."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [["--kills", "6"], ["--kills", "2", "--daemon"]], ids=["install", "daemon"]
)
def test_a_killed_update_leaves_one_good_bundle(mosquitto, options: list[str]) -> None:
    """SIGKILL anywhere: what decides is whole, signed and computes rightly."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.endurance.update_kill", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "good afterwards" in ran.stdout
