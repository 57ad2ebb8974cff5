"""Errors that reach a user: one family, and an exit code that tells systemd when a restart is no help."""

from __future__ import annotations

import pytest

from edge_node import errors


@pytest.mark.parametrize(
    "kind",
    [found for found in vars(errors).values() if isinstance(found, type)],
    ids=lambda kind: kind.__name__,
)
def test_every_error_is_caught_with_the_family_and_only_configuration_exits_with_78(kind: type) -> None:
    """Command lines catch ``CorrosionError``, print the sentence and exit with the code."""
    assert issubclass(kind, errors.CorrosionError)
    assert kind.exit_code == (78 if kind is errors.ConfigError else 1)
    assert str(kind("one sentence")) == "one sentence"
