"""``converter specimens``: what it writes, what it refuses, and that it is quick to load."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from converter.cli.specimens import add_arguments, run
from edge_node.errors import DatasetError

ROOT = Path(__file__).parents[3]


def parsed(*arguments):
    """Return what the command reads from ``arguments``."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_command_writes_what_it_was_asked_for(tmp_path, capsys):
    """The command writes the count and size it was given and ends with 0 and the path of the labels."""
    out = tmp_path / "new"
    assert run(parsed(str(out), "--count", "2", "--size", "96x64", "--seed", "8")) == 0
    assert str(out / "labels.csv") in capsys.readouterr().out
    assert len(list((out / "pictures").iterdir())) == 2


def test_worlds_stand_beside_the_plates(tmp_path, capsys):
    """`--worlds` adds pictures of parts to those of plates, with labels of the same columns."""
    out = tmp_path / "new"
    assert run(parsed(str(out), "--count", "1", "--worlds", "2", "--size", "96x64")) == 0
    assert "3 rendered pictures" in capsys.readouterr().out
    rows = (out / "labels.csv").read_text().splitlines()[1:]
    assert [row.split(",")[4].partition(":")[0] for row in rows] == ["rendered", *["rendered-world"] * 2]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--onto", "photographs"], "name with --licences"),
        (["--onto", "photographs", "--licences", "CC0", "--other", "2"], "into another folder"),
        (["--licences", "CC0"], "add --onto"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, wanted, tmp_path):
    """What is missing or too much is said before anything is written."""
    with pytest.raises(DatasetError, match=wanted):
        run(parsed(str(tmp_path / "out"), *options))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--size=480", "--size=axb", "--size=10x10", "--count=0", "--seed=-1"])
def test_command_refuses_wrong_options(option, capsys):
    """A size, count or seed out of range is refused while parsing, with what is wanted."""
    with pytest.raises(SystemExit):
        parsed("out", option)
    assert "wanted" in capsys.readouterr().err


def test_rendering_needs_no_tensorflow():
    """Importing the renderer loads neither TensorFlow nor rich: `--help` stays quick."""
    code = (
        "import sys, converter.specimens.sets.dataset, converter.specimens.clip\n"
        "print('tensorflow' in sys.modules, 'rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["False", "False"]
