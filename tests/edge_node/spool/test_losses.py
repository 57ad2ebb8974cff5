"""What was given up: ranges until a checkpoint names them, over restarts and damage."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.messages.checkpoint import GivenUp
from edge_node.messages.topics import Kind
from edge_node.spool.losses import one_given_up
from edge_node.spool.rows import Keep, Refusal
from edge_node.spool.spool import Spool
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

SHA256 = "ab" * 32


def chained(spool: Spool, count: int, keep: Keep = Keep.LOW) -> None:
    """Append verdicts of a kilobyte that carry the chain."""
    for _ in range(count):
        spool.append(
            Kind.VERDICT,
            lambda seq: (
                b'{"seq":%d,"previous_sha256":"%s","x":"%s"}'
                % (seq, (spool.chain.link.previous_sha256 or "").encode(), b"x" * 1000)
            ),
            keep=keep,
        )
    assert spool.flush(10)


def test_a_verdict_given_up_says_what_was_before_it() -> None:
    """From its own payload, if that can be read: the chain can be followed across what is gone."""
    payload = b'{"seq":3,"previous_sha256":"%s"}' % SHA256.encode()
    assert one_given_up("e", 3, payload) == GivenUp(epoch="e", first=3, last=3, previous_sha256=SHA256)
    for other in (b"garbage", b"{}", b'{"previous_sha256":null}', b'{"previous_sha256":7}', b""):
        assert one_given_up("e", 3, other).previous_sha256 is None


def test_dropped_and_quarantined_verdicts_are_ranges_until_they_are_named(tmp_path: Path) -> None:
    """Neighbours become one range; they last over a restart, and go with the row that names them."""
    path = tmp_path / "spool.sqlite"
    spool = Spool.open(path, SpoolConfig(max_mb=1))
    payload = spool.append(Kind.VERDICT, lambda seq: b'{"seq":%d}' % seq, keep=Keep.HIGH)
    chained(spool, 1500)
    dropped = spool.depth().dropped
    (found,) = spool.given_up()
    assert (found.epoch, found.first, found.last) == (spool.epoch, 2, dropped + 1)
    assert found.previous_sha256 == hashlib.sha256(payload).hexdigest()
    for row in spool.rows(Kind.VERDICT, limit=1000)[-2:]:
        ticket = spool.refuse(Refusal(row.position, 0x95, "too large"))
    wait_for(lambda: spool.settled >= ticket, what="quarantine")
    assert [(one.first, one.last) for one in spool.given_up()] == [(2, dropped + 1), (1500, 1501)]
    spool.close()
    again = Spool.open(path, SpoolConfig())
    named = again.given_up()
    assert again.depth().dropped == dropped
    again.append(Kind.FINDING, lambda _: b"{}", names=named)
    assert again.flush(5)
    assert again.given_up() == []
    again.close()


def test_a_range_that_grew_since_it_was_read_is_named_again(tmp_path: Path) -> None:
    """The whole of it: to name a number twice is harmless, to forget one is not."""
    with Spool.open(tmp_path / "spool.sqlite", SpoolConfig(max_mb=1)) as spool:
        chained(spool, 900)
        named = spool.given_up()
        chained(spool, 100)
        spool.append(Kind.FINDING, lambda _: b"{}", names=named)
        assert spool.flush(5)
        (grown,) = spool.given_up()
        assert (grown.first, grown.last) == (1, spool.depth().dropped)
