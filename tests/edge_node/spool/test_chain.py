"""The chain of an epoch's verdicts: what each names before it, and what it costs."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from edge_node.config.delivery_sections import SpoolConfig
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import EpochEnd
from edge_node.spool.chain import ChainLink, VerdictChain, format_end, parse_end
from edge_node.spool.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path

SHA256 = hashlib.sha256(b"payload").hexdigest()
END = EpochEnd(epoch="a", seq=7, sha256=SHA256)


def test_the_first_verdict_names_the_epoch_before_and_the_others_the_payload_before() -> None:
    """A reader can follow the bytes from the last verdict to the first, over restarts."""
    chain = VerdictChain("b", END)
    assert (chain.link, chain.end) == (ChainLink(None, END), None)
    chain.add(1, b"payload")
    assert chain.link == ChainLink(SHA256, None)
    assert chain.end == EpochEnd(epoch="b", seq=1, sha256=SHA256)
    assert VerdictChain("b", None).link == ChainLink(None, None)


def test_an_end_is_read_back_from_the_file_and_a_damaged_one_is_none() -> None:
    """Half a text, another type or a hash of another length name no epoch."""
    assert parse_end(format_end(END)) == END
    nameless = EpochEnd(epoch="a", seq=7, sha256=None)
    assert parse_end(format_end(nameless)) == nameless
    for damaged in (None, 7, b"x", "", "{}", format_end(END)[:-2], format_end(END).replace(SHA256, "ab")):
        assert parse_end(damaged) is None


def test_the_chain_costs_no_page_of_its_own(tmp_path: Path) -> None:
    """Its end is written into the page that held the counter; other kinds write none there at all."""
    path = tmp_path / "spool.sqlite"
    pages = {}
    for kind in (Kind.FINDING, Kind.VERDICT):
        with Spool.open(path, SpoolConfig()) as spool:
            for _ in range(30):
                spool.append(kind, lambda seq: b"%d" % seq)
                assert spool.flush(5)
            pages[kind] = path.with_name("spool.sqlite-wal").stat().st_size / 4120
    assert pages[Kind.VERDICT] <= pages[Kind.FINDING] + 30 + 2
