"""Checkpoints of a real spool: signed, when something is new, and naming what was given up once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.daemon.checkpoint_writer import CheckpointWriter
from edge_node.messages.checkpoint import MAX_RANGES, Checkpoint, split_seal
from edge_node.messages.topics import Kind, Topics
from edge_node.signing import Signer, load_trusted_key, make_key_pair
from edge_node.spool.rows import Keep, Refusal
from edge_node.spool.spool import Spool
from tests.support.processes import wait_for
from tests.support.spool_rows import fill, settle_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A robot's private key."""
    make_key_pair(tmp_path / "key.pem")
    return tmp_path / "key.pem"


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A small spool."""
    with Spool.open(tmp_path / "spool.sqlite", SpoolConfig(max_mb=1)) as opened:
        yield opened


def writer(spool: Spool, key: Path) -> CheckpointWriter:
    """Of the robot ``robot``."""
    return CheckpointWriter(spool, Topics("site", "robot"), Signer(key))


def waiting(spool: Spool) -> list[Checkpoint]:
    """The checkpoints that wait."""
    assert spool.flush(5)
    return [msgspec.json.decode(row.payload, type=Checkpoint) for row in spool.rows(Kind.CHECKPOINT)]


def test_a_checkpoint_is_signed_and_says_how_far_the_record_goes(spool: Spool, key: Path) -> None:
    """With the first verdict, then every minute in which there is something new."""
    checkpoints = writer(spool, key)
    checkpoints.look(0.0)
    assert waiting(spool) == []
    fill(spool, 3)
    checkpoints.look(1.0)
    checkpoints.look(60.9)
    assert spool.flush(5)
    (row,) = spool.rows(Kind.CHECKPOINT)
    head, signature = split_seal(row.payload)
    public = load_trusted_key(str(key.with_name("key.public.pem")), "--key")
    assert public.holds_checkpoint(signature, head)
    assert not public.holds_checkpoint(signature, head + b" ")
    assert not public.holds_checkpoint("no base64!", head)
    (found,) = waiting(spool)
    payload = spool.rows(Kind.VERDICT)[-1].payload
    assert (found.epoch, found.last_seq) == (spool.epoch, 3)
    assert found.last_sha256 == hashlib.sha256(payload).hexdigest()
    assert found.id == f"robot:{spool.epoch}:checkpoint:1"
    assert (found.previous_epoch, found.given_up, found.final) == (None, (), False)
    settle_all(spool)
    checkpoints.look(61.1)
    assert waiting(spool) == [], "nothing was new"
    fill(spool, 1)
    checkpoints.look(130.0)
    assert [one.last_seq for one in waiting(spool)] == [4]


def test_while_one_waits_for_the_link_the_next_comes_after_an_hour(spool: Spool, key: Path) -> None:
    """A month without a link is a few hundred rows; the last one comes in any case."""
    checkpoints = writer(spool, key)
    for minute in range(125):
        fill(spool, 1)
        checkpoints.look(60.0 * minute + 1)
    assert [one.last_seq for one in waiting(spool)] == [1, 61, 121]
    checkpoints.finish(lambda: False)
    found = waiting(spool)[-1]
    assert (found.last_seq, found.final) == (125, True)


def test_what_was_given_up_is_named_once_also_after_a_restart(tmp_path: Path, key: Path) -> None:
    """In as many checkpoints as it needs; a run without a verdict names what the last one left."""
    path = tmp_path / "spool.sqlite"
    with Spool.open(path, SpoolConfig()) as spool:
        fill(spool, 2 * MAX_RANGES + 20)
        rows = spool.rows(Kind.VERDICT, limit=10_000)
        for row in rows[1::2]:
            ticket = spool.refuse(Refusal(row.position, 0x95, "too large"))
        wait_for(lambda: spool.settled >= ticket, what="quarantine")
    with Spool.open(path, SpoolConfig()) as again:
        writer(again, key).finish(lambda: False)
        found = waiting(again)
        assert [len(one.given_up) for one in found] == [MAX_RANGES, 10]
        assert [one.final for one in found] == [False, True]
        assert [one.last_seq for one in found] == [0, 0]
        named = [(one.first, one.last) for checkpoint in found for one in checkpoint.given_up]
        assert named == [(row.seq, row.seq) for row in rows[1::2]]
        assert {one.epoch for checkpoint in found for one in checkpoint.given_up} == {spool.epoch}
        assert found[0].previous_epoch.seq == 2 * MAX_RANGES + 20
        assert again.given_up() == []
    with Spool.open(path, SpoolConfig()) as third:
        writer(third, key).finish(lambda: False)
        assert len(waiting(third)) == 2, "an epoch without a verdict has nothing to say"


def test_a_checkpoint_is_never_dropped_for_verdicts(spool: Spool, key: Path) -> None:
    """It says what was dropped."""
    fill(spool, 10, keep=Keep.HIGH)
    writer(spool, key).look(0.0)
    fill(spool, 1500, keep=Keep.HIGH)
    assert [one.last_seq for one in waiting(spool)] == [10]
    assert spool.depth().dropped > 0
