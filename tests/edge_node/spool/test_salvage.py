"""Damaged spools: whole rows survive, altered ones are not sent."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.messages.topics import Kind
from edge_node.spool.rows import Refusal
from edge_node.spool.spool import Spool
from tests.support.processes import wait_for
from tests.support.spool_rows import PADDING, fill, numbers

if TYPE_CHECKING:
    from pathlib import Path


def test_damaged_pages_at_twenty_random_places_lose_only_what_was_on_them(tmp_path: Path) -> None:
    """Whole rows of a damaged file survive unchanged, under their old numbers; never an altered one."""
    generator = random.Random(5)  # noqa: S311  places, not secrets
    path = tmp_path / "spool.sqlite"
    spool = Spool.open(path, SpoolConfig())
    fill(spool, 2000)
    epoch = spool.epoch
    spool.close()
    content = bytearray(path.read_bytes())
    pages = generator.sample(range(1, len(content) // 4096), 20)
    for page in pages:
        content[page * 4096 : (page + 1) * 4096] = generator.randbytes(4096)
    path.write_bytes(content)
    spool = Spool.open(path, SpoolConfig())
    rows = spool.rows(Kind.VERDICT, limit=10_000)
    assert [row.payload for row in rows] == [b"%d %s" % (row.seq, PADDING) for row in rows]
    assert {row.epoch for row in rows} == {epoch}
    assert len(rows) >= 2000 - 20 * 4  # three rows of a kilobyte share a page
    assert "spool_damaged" in [alarm.code for alarm in spool.alarms]
    assert spool.epoch != epoch
    assert spool.chain.before.epoch == epoch
    assert spool.chain.before.seq >= rows[-1].seq
    spool.close()


def test_a_file_that_is_damaged_while_running_is_replaced_and_numbers_go_on(tmp_path: Path) -> None:
    """Damage found in the middle of a mission costs the rows on the page, not the mission."""
    path = tmp_path / "spool.sqlite"
    spool = Spool.open(path, SpoolConfig())
    fill(spool, 3000)
    spool.close()
    spool = Spool.open(path, SpoolConfig())
    epoch, before = spool.epoch, spool.chain.before
    fill(spool, 1)
    with path.open("r+b") as file:  # behind the back of the open file: what is cached is a few pages
        for page in range(40, 60):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    wait_for(lambda: len(numbers(spool)) > 2800, what="recovery")
    fill(spool, 1)
    rows = spool.rows(Kind.VERDICT, limit=10_000)
    assert (rows[-1].epoch, rows[-1].seq) == (epoch, 2)
    assert spool.epoch == epoch
    assert [row.payload for row in rows] == [b"%d %s" % (row.seq, PADDING) for row in rows]
    assert "spool_damaged" in [alarm.code for alarm in spool.alarms]
    assert spool.chain.before == before
    spool.close()
    spool = Spool.open(path, SpoolConfig())
    assert (spool.chain.before.epoch, spool.chain.before.seq) == (epoch, 2)
    spool.close()


def test_what_was_given_up_outlives_a_damaged_page(tmp_path: Path) -> None:
    """Ranges, counts and the last number are taken over, so that a checkpoint can still name them.

    So are the ids of commands: what the broker sends again is not executed again.
    """
    path = tmp_path / "spool.sqlite"
    spool = Spool.open(path, SpoolConfig())
    fill(spool, 400)
    rows = spool.rows(Kind.VERDICT, limit=400)
    spool.remember_nonce("restart-0001", 4e9)
    ticket = spool.refuse(Refusal(rows[-1].position, 0x95, "too large"))
    wait_for(lambda: spool.settled >= ticket, what="quarantine")
    named, end = spool.given_up(), spool.chain.end
    spool.close()
    content = bytearray(path.read_bytes())
    at = content.index(b"200 xxx") // 4096 * 4096
    content[at : at + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    spool = Spool.open(path, SpoolConfig())
    assert "spool_damaged" in [alarm.code for alarm in spool.alarms]
    assert (spool.given_up(), spool.chain.before) == (named, end)
    assert spool.taken_nonces == {"restart-0001": 4e9}
    spool.close()
