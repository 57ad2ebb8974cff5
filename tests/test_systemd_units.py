"""The units are valid, shut, and differ only in what makes one of several."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).resolve().parents[1] / "systemd"
UNITS = ["corrosion-edge.service", "corrosion-edge@.service"]
MOST_EXPOSURE = 15  # tenths, as --threshold wants them

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze (apt: systemd) is not installed"
)


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_exposure_is_at_most_one_and_a_half(unit, tmp_path):
    """Systemd's own judge gives each unit 1.5 or less; a bare unit has 9.6."""
    shutil.copy(SYSTEMD / unit, tmp_path)
    found = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", f"./{unit}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout.splitlines()[-1:] + found.stderr.splitlines()
    assert "Overall exposure level" in found.stdout


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_every_line_is_understood(unit, tmp_path):
    """Systemd finds no unknown key, no value that it ignores, and no program that is missing."""
    program = tmp_path / "edge-node"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = (SYSTEMD / unit).read_text(encoding="utf-8")
    (tmp_path / unit).write_text(text.replace("/opt/corrosion-edge/bin/edge-node", str(program)))
    found = subprocess.run(
        ["systemd-analyze", "verify", f"./{unit}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr.strip()) == (0, "")


def settings(unit):
    """Return the lines that set something."""
    text = (SYSTEMD / unit).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_template_is_the_unit_but_for_its_name():
    """With the instance's name taken out, the template says what the unit says: one hardening, not two."""
    one, template = settings(UNITS[0]), settings(UNITS[1])
    named = [
        line.replace(", camera %i", "").replace("/%i.toml", "/node.toml").replace("/%i", "")
        for line in template
    ]
    assert named == one
    assert sum("%i" in line for line in template) == 5


def test_the_unit_does_not_restart_on_a_bad_configuration():
    """Exit code 78 is the one end after which systemd does not try again."""
    from edge_node.errors import ConfigError

    assert f"RestartPreventExitStatus={ConfigError.exit_code}" in settings(UNITS[0])
    assert "Restart=always" in settings(UNITS[0])
