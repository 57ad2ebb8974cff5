"""``edge-node clock``: the operator sees the clock and its floor, and corrects the floor."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from edge_node.cli.robot import clock
from edge_node.clock_floor import BUILT, ClockFloor
from edge_node.commands.audit_files import read_audit
from edge_node.errors import CorrosionError
from tests.support.processes import command
from tests.support.subcommands import run

LATER = (datetime.now(timezone.utc) + timedelta(days=400)).replace(microsecond=0)


def test_it_shows_the_clock_and_corrects_the_floor(tmp_path, capsys):
    """Without a node it is the build's date; set and reset it is told, and in the audit."""
    assert run(clock, "--state-dir", tmp_path, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["floor_source"], shown["below_floor_s"]) == ("build", 0)
    assert datetime.fromisoformat(shown["floor"].replace("Z", "+00:00")) == BUILT[1]
    assert list(tmp_path.iterdir()) == []  # to look changes nothing
    assert run(clock, "--state-dir", tmp_path, "--set-floor", LATER.isoformat()) == clock.EXIT_BELOW
    assert "400 d below the floor of time" in capsys.readouterr().out
    assert run(clock, "--state-dir", tmp_path) == clock.EXIT_BELOW
    assert run(clock, "--state-dir", tmp_path, "--set-floor", "now") == 0
    assert run(clock, "--state-dir", tmp_path, "--reset") == 0
    assert [entry.verb for entry in read_audit(tmp_path / "audit")] == ["clock"] * 3


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("2027-01-01", "of which zone"),
        ("yesterday", "wanted a time like"),
        ("2020-01-01T00:00Z", "was built on"),
        ("2300-01-01T00:00Z", "wanted a time before"),
    ],
)
def test_a_time_that_cannot_be_meant_is_refused(tmp_path, given, told):
    """No zone is guessed, and nothing before this software existed is set."""
    with pytest.raises(CorrosionError, match=told):
        run(clock, "--state-dir", tmp_path, "--set-floor", given)
    assert list(tmp_path.iterdir()) == []


def test_it_works_beside_a_running_node(tmp_path):
    """The node that runs takes what another process set, which is said by a config file or the folder."""
    config, state = tmp_path / "node.toml", tmp_path / "state"
    config.write_text(
        f'[node]\nsite = "quay"\nrobot = "crawler-1"\nstate_dir = "{state}"\n'
        '[bundle]\npath = "default"\n[mqtt]\nhostname = "127.0.0.1"\n'
    )
    nothing = command("edge_node.cli", "clock", "--config", str(config))
    assert (nothing.returncode, len(nothing.stderr.splitlines())) == (1, 1)
    assert "start the node once" in nothing.stderr
    state.mkdir()
    with ClockFloor(state) as floor:
        floor.note_signed(LATER)
        floor.look()
        assert run(clock, "--config", config) == clock.EXIT_BELOW
        assert run(clock, "--config", config, "--set-floor", "now") == 0
        floor.look()
        assert not floor.read().below_s
    assert run(clock, "--config", config) == 0
