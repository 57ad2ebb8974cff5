"""Guessing is slowed down for one user at one address."""

from __future__ import annotations

from edge_node.control_room.people.failed_logins import FailedLogins


def test_the_delay_grows_to_a_minute_and_concerns_nobody_else() -> None:
    """Three are free, then 1, 2, 4 ... 60 s; another user there and the same user elsewhere go on."""
    now_s = [0.0]
    failed = FailedLogins(lambda: now_s[0])
    delays = []
    for _ in range(11):
        now_s[0] += failed.begin("ada", "10.0.0.1")
        failed.begin("ada", "10.0.0.1")
        failed.end("ada", "10.0.0.1", failed=True)
        delays.append(failed.begin("ada", "10.0.0.1"))
        if not delays[-1]:
            failed.end("ada", "10.0.0.1", failed=None)
    assert delays == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert failed.begin("bob", "10.0.0.1") == 0
    assert failed.begin("ada", "10.0.0.2") == 0
    now_s[0] += 60
    assert failed.begin("ada", "10.0.0.1") == 0
    assert failed.end("ada", "10.0.0.1", failed=False) == 0
    assert failed.begin("ada", "10.0.0.1") == 0


def test_tries_at_once_are_made_one_after_the_other() -> None:
    """Else a hundred at once would be a hundred free ones."""
    failed = FailedLogins(lambda: 0.0)
    assert [failed.begin("ada", "10.0.0.1") for _ in range(3)] == [0, 1, 1]


def test_an_ipv6_network_is_one_address() -> None:
    """Whoever has one address there has 2^64 of them."""
    failed = FailedLogins(lambda: 0.0)
    for part in range(3):
        failed.begin("ada", f"2001:db8::{part + 1}")
        failed.end("ada", f"2001:db8::{part + 1}", failed=True)
    assert failed.begin("ada", "2001:db8::99") == 1
    assert failed.begin("ada", "2001:db8:0:1::99") == 0


def test_ipv4_on_a_socket_for_both_is_no_network() -> None:
    """Else whoever guesses from anywhere would shut out everybody who comes by IPv4."""
    failed = FailedLogins(lambda: 0.0)
    for _ in range(3):
        failed.begin("ada", "::ffff:10.0.0.1")
        failed.end("ada", "::ffff:10.0.0.1", failed=True)
    assert failed.begin("ada", "10.0.0.1") == 1
    assert failed.begin("ada", "::ffff:10.0.0.2") == 0


def test_names_that_cost_nothing_push_out_no_name_that_failed() -> None:
    """Tries that are refused before a password is checked are not remembered."""
    failed = FailedLogins(lambda: 0.0)
    for _ in range(3):
        failed.begin("ada", "10.0.0.1")
        failed.end("ada", "10.0.0.1", failed=True)
    for number in range(10_001):
        failed.begin(f"name {number}", "10.0.0.1")
        failed.end(f"name {number}", "10.0.0.1", failed=None)
    assert failed.begin("ada", "10.0.0.1") == 1
