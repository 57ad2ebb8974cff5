"""The limit on wrong tokens."""

from __future__ import annotations

from edge_node.monitoring.guess_limit import GuessLimit


def test_ten_different_wrong_tokens_a_minute_and_no_more() -> None:
    """The eleventh waits for the first to be a minute old; others are not touched, nor is a repetition."""
    now_s = [0.0]
    guesses = GuessLimit(monotonic_s=lambda: now_s[0])
    for number in range(10):
        assert guesses.wait_s("a") == 0
        guesses.note_wrong("a", str(number))
        guesses.note_wrong("b", "the same")
        now_s[0] += 1
    assert guesses.wait_s("a") == 50
    assert guesses.wait_s("b") == guesses.wait_s("c") == 0
    now_s[0] = 60.5
    assert guesses.wait_s("a") == 0


def test_it_forgets_addresses_before_it_grows() -> None:
    """A flood of invented addresses takes no more memory than its bound."""
    guesses = GuessLimit()
    for number in range(10):
        guesses.note_wrong("first", str(number))
    for number in range(3000):
        guesses.note_wrong(str(number), "x")
    assert guesses.wait_s("first") == 0
