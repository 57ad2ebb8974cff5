"""Numbers on the command line: what is out of bounds is refused with the bounds."""

from __future__ import annotations

import argparse

import pytest

from converter.argument_types import MAX_SEED, above_zero, at_least, seed, up_to


@pytest.mark.parametrize(
    ("parse", "good", "bad", "wanted"),
    [
        (at_least(2), ("2", "100"), ("1", "-3", "2.5", "x", ""), "a whole number from 2 on"),
        (
            seed,
            ("0", str(MAX_SEED)),
            ("-1", str(MAX_SEED + 1), "1e3"),
            f"a whole number from 0 to {MAX_SEED}",
        ),
        (up_to(0.5), ("0", "0.5", "1e-3"), ("-0.1", "0.51", "nan", "inf", "x"), "a number from 0 to 0.5"),
        (above_zero, ("1e-9", "7"), ("0", "-1", "nan", "inf", "x"), "a number above 0"),
    ],
)
def test_bounds_are_kept_and_told(parse, good, bad, wanted) -> None:
    """Each bound itself is taken; NaN is within no bounds."""
    for text in good:
        assert parse(text) == float(text)
    for text in bad:
        with pytest.raises(argparse.ArgumentTypeError) as caught:
            parse(text)
        assert str(caught.value) == f"{text!r}, wanted {wanted}"
