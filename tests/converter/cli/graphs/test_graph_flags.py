"""Flags for what a graph's file lacks: in every form in which they were ever written."""

from __future__ import annotations

import argparse

import pytest

from converter.cli.graphs.graph_flags import add_graph_flags, read_graph_flags
from converter.graphs.scaling import GraphFlags


def _parse(*words: str) -> GraphFlags:
    parser = argparse.ArgumentParser()
    add_graph_flags(parser)
    return read_graph_flags(parser.parse_args(words))


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        ((), GraphFlags()),
        (("--input-mean", "127.5", "--input_std=128"), GraphFlags(input_mean=127.5, input_std=128.0)),
        (("--input-mean=-1,2,3.5",), GraphFlags(input_mean=(-1.0, 2.0, 3.5))),
        (("--input-colour-order", "bgr"), GraphFlags(input_colour_order="BGR")),
        (("--input_colour_order=GREY",), GraphFlags(input_colour_order="GREY")),
    ],
)
def test_flags_are_read_as_label_image_wrote_them_and_per_colour(words, flags):
    """One number or three, hyphens or underscores, small letters or large ones."""
    assert _parse(*words) == flags


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--input-mean", "1,2"), "'1,2': wanted one number, or three"),
        (("--input-std", "many"), "'many': wanted one number, or three"),
        (("--input-colour-order", "GBR"), "GBR"),
    ],
)
def test_a_flag_that_is_none_of_these_is_refused(words, said, capsys):
    """In the words of the command line, before a graph is opened."""
    with pytest.raises(SystemExit):
        _parse(*words)
    assert said in capsys.readouterr().err
