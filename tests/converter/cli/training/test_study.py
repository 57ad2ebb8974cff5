"""``converter study``: what is refused before anything is computed."""

from __future__ import annotations

import pytest

from converter.cli.training import study
from edge_node.errors import DatasetError, GraphError
from tests.support.labelled_pictures import write_labelled_pictures
from tests.support.subcommands import run


def test_pictures_without_conditions_cannot_be_studied(tmp_path):
    """A data set that says nothing of corrosion is refused in one sentence."""
    write_labelled_pictures(
        tmp_path, [f"{'cat' if index % 2 else 'dog'},g{index}" for index in range(4)], "file,label,group"
    )
    with pytest.raises(DatasetError, match=r"nothing to study; Model 2: .* no picture is labelled corroded"):
        run(study, tmp_path)


@pytest.mark.parametrize(
    ("flags", "error", "words"),
    [
        (["--set", "elsewhere"], DatasetError, "no picture of elsewhere; known are s"),
        (["--architecture", "a", "--architecture", "b", "--weights", "w"], DatasetError, "NAME=WEIGHTS"),
        (
            ["--architecture", "efficientnet_lite0", "--architecture", "lite9"],
            GraphError,
            "'lite9' is unknown",
        ),
    ],
)
def test_flags_that_cannot_be_meant_are_refused_before_anything_is_computed(tmp_path, flags, error, words):
    """A set that is not there, weights for two networks, an unknown second network: one sentence each."""
    write_labelled_pictures(tmp_path, [f"steel,{number % 2},,g{number},s" for number in range(12)])
    with pytest.raises(error, match=words):
        run(study, tmp_path, *flags, "--bottleneck-dir", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
