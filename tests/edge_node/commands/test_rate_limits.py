"""Budgets of commands: what one uses up, another still has."""

from __future__ import annotations

from edge_node.commands.rate_limits import RateLimits, TokenBucket
from edge_node.config.delivery_sections import CommandsConfig


def test_tokens_come_back_with_time_and_never_above_the_size() -> None:
    """Two at once, then one every two seconds."""
    bucket = TokenBucket(0.5, 2)
    assert [bucket.take(100.0) for _ in range(3)] == [True, True, False]
    assert not bucket.take(101.9)
    assert bucket.take(102.0)
    assert [bucket.take(1e6) for _ in range(3)] == [True, True, False]


def test_pause_ping_pictures_and_refusals_have_budgets_of_their_own() -> None:
    """Pause and resume share one; who can sign has other refusals than who cannot."""
    limits = RateLimits(CommandsConfig(burst=1, max_per_minute=1))
    assert limits.admitted("ping").take(0)
    assert not limits.admitted("ping").take(0)
    assert limits.admitted("pause").take(0)
    assert not limits.admitted("resume").take(0)
    assert limits.admitted("snapshot").take(0)
    assert limits.refused(is_signed=False).take(0)
    assert not limits.refused(is_signed=False).take(0)
    assert limits.refused(is_signed=True).take(0)


def test_the_processor_time_of_what_is_refused_is_bounded() -> None:
    """Half a second at once, a tenth of a core for ever."""
    limits = RateLimits(CommandsConfig())
    assert limits.may_work(0)
    limits.worked(0.6)
    assert not limits.may_work(0)
    assert not limits.may_work(0.9)
    assert limits.may_work(1.1)
