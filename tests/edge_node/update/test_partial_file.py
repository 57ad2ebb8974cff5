"""Partly received files: verified block by block, whole after kills, cut where a block differs."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_node.errors import UpdateError
from edge_node.update.partial_file import Offer, PartialFile, discard
from edge_node.update.release import BLOCK_BYTES
from tests.support.releases import NAME

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def content(good: Path) -> bytes:
    """The bytes of a good file."""
    return good.read_bytes()


@pytest.fixture(scope="module")
def offer(content: bytes) -> Offer:
    """What a control room says of it."""
    return Offer(
        name=NAME,
        version="2",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        command_id="update-0001",
    )


def test_the_head_comes_first_and_then_every_block_is_verified(tmp_path, content, offer) -> None:
    """What is wanted ends with the head until it is here: nothing is fetched of a file that is refused."""
    found = PartialFile.begin(tmp_path / "f", offer)
    assert found.wanted_end == 16 * 1024
    found.append(content[:512])
    head_bytes = found.wanted_end
    assert 512 < head_bytes < len(content)
    found.append(content[512:head_bytes])
    assert found.verify()
    assert (found.verified_bytes, found.wanted_end, found.is_whole) == (head_bytes, len(content), False)
    found.append(content[head_bytes : head_bytes + BLOCK_BYTES + 7])
    assert found.verify()
    assert found.verified_bytes == head_bytes + BLOCK_BYTES
    found.append(content[found.size_bytes :])
    assert found.verify()
    assert found.is_whole


def test_a_block_that_differs_is_cut_off_and_the_ones_before_stay(tmp_path, content, offer) -> None:
    """A broken link costs one block, whoever sent it."""
    found = PartialFile.begin(tmp_path / "f", offer)
    found.append(content[: len(content) - 1] + bytes([content[-1] ^ 1]))
    assert not found.verify()
    assert 0 < found.verified_bytes == found.size_bytes < len(content)
    found.append(content[found.size_bytes :])
    assert found.verify()
    assert found.is_whole


def test_after_a_kill_it_goes_on_where_it_was(tmp_path, content, offer) -> None:
    """With every complete block verified anew; also under another offer of the same file."""
    found = PartialFile.begin(tmp_path / "f", offer)
    found.append(content[:-5])
    found.rename(tmp_path / "f", msgspec.structs.replace(offer, command_id="update-0002"))
    again = PartialFile.resume(tmp_path / "f")
    assert (again.size_bytes, again.offer.command_id) == (len(content) - 5, "update-0002")
    again.append(content[-5:])
    assert again.verify()
    assert again.is_whole


def test_a_file_longer_than_offered_begins_anew_and_a_damaged_offer_is_none(tmp_path, content, offer) -> None:
    """Nothing of either can be believed."""
    assert PartialFile.resume(tmp_path / "absent") is None
    found = PartialFile.begin(tmp_path / "f", offer)
    found.append(content + b"more")
    assert PartialFile.resume(tmp_path / "f").size_bytes == 0
    (tmp_path / "f" / "offer.json").write_bytes(b"{")
    assert PartialFile.resume(tmp_path / "f") is None
    discard(tmp_path / "f")
    assert not (tmp_path / "f").exists()
    discard(tmp_path / "f")


def test_another_bundle_than_was_offered_is_refused_with_its_head(tmp_path, content, offer) -> None:
    """Before anything behind the head is fetched."""
    found = PartialFile.begin(tmp_path / "f", msgspec.structs.replace(offer, version="3"))
    found.append(content[: 64 * 1024])
    with pytest.raises(UpdateError, match=f"what comes is {NAME}-2"):
        found.verify()
