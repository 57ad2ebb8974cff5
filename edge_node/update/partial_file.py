"""Keep a partly received transport file over kills and lost links, and verify each block as it arrives."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from typing import TYPE_CHECKING, Annotated

import msgspec

from edge_node.durable_file import replace_file
from edge_node.errors import UpdateError
from edge_node.inference.manifest import Sha256
from edge_node.messages.identifiers import Identifier, Ordered
from edge_node.update.release import BLOCK_BYTES as _BLOCK
from edge_node.update.transport_file import (
    HEADER_BYTES,
    TransportHeader,
    announced_head_bytes,
    block_span,
    parse_head,
)

if TYPE_CHECKING:
    from pathlib import Path

_OFFER, _PART = "offer.json", "part"
_MAX_OFFER_BYTES = 4096


class Offer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bundle file that a control room offers; ``sha256`` is over the whole file and names the transfer."""

    name: Identifier
    version: Ordered
    sha256: Sha256
    size_bytes: Annotated[int, msgspec.Meta(ge=1)]
    command_id: str

    @property
    def label(self) -> str:
        """Name and version as messages show them."""
        return f"{self.name}-{self.version}"


class PartialFile:
    """The file that is being fetched; not thread-safe.

    Attributes:
        head: of the file, once it has arrived.
        verified_bytes: length that matches the head's statement, whoever signed it.
        size_bytes: length that has arrived.
    """

    def __init__(self, folder: Path, offer: Offer) -> None:
        self.offer = offer
        self.path = folder / _PART
        self.head: TransportHeader | None = None
        self.size_bytes = self.verified_bytes = 0

    @classmethod
    def begin(cls, folder: Path, offer: Offer) -> PartialFile:
        """Begin a transfer in ``folder``; an earlier one is deleted.

        Raises:
            OSError: the disk cannot be written.
        """
        discard(folder)
        folder.mkdir(mode=0o700)
        found = cls(folder, offer)
        found.path.touch(mode=0o600)
        replace_file(folder / _OFFER, [msgspec.json.encode(offer)])
        return found

    @classmethod
    def resume(cls, folder: Path) -> PartialFile | None:
        """Return the interrupted transfer, with every complete block verified; None if there is none."""
        try:
            with (folder / _OFFER).open("rb") as file:
                offer = msgspec.json.decode(file.read(_MAX_OFFER_BYTES), type=Offer)
            found = cls(folder, offer)
            found.size_bytes = found.path.stat().st_size
            if found.size_bytes > offer.size_bytes:
                found.cut(0)
            found.verify()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return found

    @property
    def is_whole(self) -> bool:
        """Whether every byte has arrived and is verified."""
        return self.verified_bytes == self.offer.size_bytes == self.size_bytes

    @property
    def wanted_end(self) -> int:
        """Offset at which to stop requesting: the end of the head until it has arrived, then of the file."""
        if self.head is not None:
            return self.offer.size_bytes
        if self.size_bytes < HEADER_BYTES:
            return min(self.offer.size_bytes, 16 * 1024)
        return min(self.offer.size_bytes, announced_head_bytes(self._read(0, HEADER_BYTES), self.offer.label))

    def rename(self, folder: Path, offer: Offer) -> None:
        """Continue the transfer under another offer of the same file.

        Raises:
            OSError: the disk cannot be written.
        """
        replace_file(folder / _OFFER, [msgspec.json.encode(offer)])
        self.offer = offer

    def append(self, content: bytes) -> None:
        """Append the next bytes.

        Raises:
            OSError: the disk cannot be written; earlier bytes stay.
        """
        with self.path.open("r+b") as file:
            file.seek(self.size_bytes)
            file.write(content)
        self.size_bytes += len(content)

    def verify(self) -> bool:
        """Verify the blocks that are complete; False if one differs from the list, and was cut off.

        Raises:
            UpdateError: this is no transport file, or not the one that was offered.
            OSError: the disk cannot be read.
        """
        if self.head is None and not self._take_head():
            return True
        if self.head is None:
            return True
        while self.verified_bytes < self.offer.size_bytes:
            number = (self.verified_bytes - self.head.size_bytes) // _BLOCK
            begin, end = block_span(self.head, number)
            if end > self.size_bytes:
                break
            if (
                hashlib.sha256(self._read(begin, end - begin)).hexdigest()
                != self.head.statement.blocks[number]
            ):
                self.cut(begin)
                return False
            self.verified_bytes = end
        return True

    def cut(self, size_bytes: int) -> None:
        """Truncate the file to ``size_bytes``."""
        os.truncate(self.path, size_bytes)
        self.size_bytes = size_bytes
        self.verified_bytes = min(self.verified_bytes, size_bytes)
        if size_bytes == 0:
            self.head = None

    def _take_head(self) -> bool:
        """Read the head; False if it is not complete yet."""
        if self.size_bytes < HEADER_BYTES:
            return False
        label = self.offer.label
        size = announced_head_bytes(self._read(0, HEADER_BYTES), label)
        if self.size_bytes < size:
            return False
        head = parse_head(self._read(0, size), label)
        statement = head.statement
        if head.total_bytes != self.offer.size_bytes or statement.label != label:
            raise UpdateError(
                f"{label}: {self.offer.size_bytes} bytes were offered,"
                f" what comes is {statement.label} of {head.total_bytes} bytes"
            )
        if len(statement.blocks) != -(-head.body_bytes // _BLOCK):
            raise UpdateError(f"{label}: its list of contents does not cover all of it; pack it again")
        self.head, self.verified_bytes = head, size
        return True

    def _read(self, offset: int, length: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(length)


def discard(folder: Path) -> None:
    """Delete the transfer in ``folder``, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
