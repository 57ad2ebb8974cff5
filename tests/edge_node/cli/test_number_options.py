"""Numbers of the command line: what is out of bounds or no number is told by its option."""

from __future__ import annotations

from argparse import ArgumentParser

import pytest

from edge_node.cli.control_room import bundle_send, command, server, watch
from edge_node.cli.number_options import number_between, whole_number_between
from edge_node.cli.robot import cameras, classify


def test_bounds_belong_to_the_range() -> None:
    """Both of them; a fraction only where one is meant."""
    assert [number_between(0.5, 2)(text) for text in ("0.5", "2", "1e0")] == [0.5, 2.0, 1.0]
    assert [whole_number_between(1, 64)(text) for text in ("1", "64", " 7 ")] == [1, 64, 7]


@pytest.mark.parametrize(
    ("module", "words", "wanted"),
    [
        (command, ("--timeout", "-1", "ping"), "a number from 0.1 to 86400"),
        (command, ("--lifetime", "99999999999999", "ping"), "a number from 1 to 86400"),
        (command, ("ping", "--lifetime", "nan"), "a number from 1 to 86400"),
        (bundle_send, ("f", "--robot", "a/b", "--timeout", "inf"), "a number from 1 to"),
        (watch, ("--count", "0"), "a whole number from 1 to"),
        (watch, ("--count", "1.5"), "a whole number from 1 to"),
        (classify, ("--threads", "65", "x"), "a whole number from 1 to 64"),
        (cameras, ("--width", "-640", "x"), "a whole number from 16 to 16384"),
        (cameras, ("--height", "big", "x"), "a whole number from 16 to 16384"),
        (server, ("--port", "0"), "a whole number from 1 to 65535"),
    ],
)
def test_the_option_is_named_with_what_is_wanted(
    module, words: tuple[str, ...], wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, as for every misused option."""
    parser = ArgumentParser()
    module.add_arguments(parser)
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(words)
    assert ended.value.code == 2
    option = next(word for word in words if word.startswith("--") and word != "--robot")
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {option}: " in said
    assert wanted in said
