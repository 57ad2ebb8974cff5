"""The flags of ``convert``: a bare ``--quantize``, and defaults that the help names."""

from __future__ import annotations

import argparse

import pytest

from converter.cli.graphs.convert_flags import add_arguments, spell_out_mode


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--quantize", "a.pb"], ["--quantize=int8", "a.pb"]),
        (["a.pb", "--quantize"], ["a.pb", "--quantize=int8"]),
        (["--quantize", "float16", "a.pb"], ["--quantize", "float16", "a.pb"]),
        (["--quantize=none", "a.pb"], ["--quantize=none", "a.pb"]),
    ],
)
def test_a_bare_quantize_is_int8(words, told):
    """No graph is taken for a number format, wherever the flag stands."""
    assert spell_out_mode(words) == told


def test_without_flags_nothing_is_quantized():
    """The model stays float32, is proved at the source and never abstains by itself."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args(["a.pb", "--out", "bundle"])
    assert (args.quantize, args.draft, args.no_source_proof, args.max_risk) == ("none", False, False, None)
