"""Passwords: their hashes, and how many are checked at once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from edge_node.control_room.people import passwords
from edge_node.control_room.people.passwords import (
    PasswordChecks,
    PasswordRefusedError,
    TooManyLoginsError,
    hash_password,
    is_hash,
    is_password,
)
from tests.support.room_app import PASSWORD, QUICK_HASH


def test_a_hash_is_argon2id_and_only_its_password_has_it() -> None:
    """With the costs that RFC 9106 recommends; letters with accents in whatever form they are typed."""
    made = hash_password("caf\u00e9 au lait")
    assert made.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert is_password(made, "cafe\u0301 au lait")
    assert not is_password(QUICK_HASH, "correct house")
    assert not is_password("", "a name that nobody has costs as much as one that somebody has")
    assert is_password(QUICK_HASH, PASSWORD)


@pytest.mark.parametrize("password", ["", "1234567", "x" * 257])
def test_a_password_that_is_none_is_refused_without_being_repeated(password: str) -> None:
    """In a sentence with its length."""
    with pytest.raises(
        PasswordRefusedError, match=f"has {len(password)} characters, wanted 8 to 256"
    ) as caught:
        hash_password(password)
    assert "1234567" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "secret", "$2b$12$x", QUICK_HASH.replace("m=8", "m=99999999")])
def test_what_is_no_hash_or_would_cost_too_much_is_known(text: str) -> None:
    """A hand-made hash with a gigabyte of memory would end the room at the first login."""
    assert is_hash(QUICK_HASH)
    assert not is_hash(text)


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"] * 40, [f"2001:db8::{part}" for part in range(40)]], ids=["one", "network"]
)
def test_few_are_checked_at_once_and_no_address_fills_the_queue(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    """Two work, the rest waits; an address or network with forty loses its newest to another's first."""
    gate, lock, now, most = threading.Event(), threading.Lock(), [0], [0]

    def slow(*_given: str) -> bool:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        gate.wait(10)
        with lock:
            now[0] -= 1
        return True

    monkeypatch.setattr(passwords, "is_password", slow)

    async def crowd() -> tuple[list[object], bool]:
        checks = PasswordChecks()
        greedy = [asyncio.ensure_future(checks.check("", "", address)) for address in addresses]
        await asyncio.sleep(0)
        other = asyncio.ensure_future(checks.check("", "", "10.0.0.2"))
        await asyncio.sleep(0)
        gate.set()
        done = await asyncio.gather(*greedy, return_exceptions=True)
        served = await other
        checks.close()
        return done, served

    done, served = asyncio.run(crowd())
    assert (served, most[0]) == (True, 2)
    assert sum(isinstance(one, TooManyLoginsError) for one in done) == 40 - 2 - 32 + 1
